"""A corpus on disk: a folder that is written whole or not at all, memory-mapped when opened, and checked by SHA-256.

docs/data.md lists the files. A data file's name holds the start of its SHA-256, so a change writes its files beside the old ones,
replaces the manifest, then removes what the manifest no longer names: a process killed at any moment leaves the old store or the
new one, and the next writer removes its left-overs. Writers of one store wait for one another.
A feature that a conversation lacks is saved as rows of NaN: after opening, every conversation has every feature of the schema.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from merc.data.schema import MAX_MODALITIES, Conversation, Corpus, FeatureArray, FeatureSpec, LabelSet, Split, Utterance
from merc.data.store.feature_file import map_features, write_features
from merc.data.store.manifest import (
    DATA_FILE,
    FEATURES,
    MANIFEST,
    Manifest,
    StoredFeature,
    StoredFile,
    json_notes,
    read_manifest,
    write_manifest,
)
from merc.data.store.utterance_table import decode_table, encode_table
from merc.errors import DataError, StoreError
from merc.files.arguments import checked, path_from
from merc.files.lock import locked_folder
from merc.files.posix import rights_like
from merc.files.staged_file import StagedFile, is_temporary, staged_file, sync_folder, temporary_name
from merc.files.validation import explain


def save_store(corpus: Corpus, folder: str | Path, *, overwrite: bool = False, like: Iterable[str | Path] = ()) -> None:
    """Write the corpus to `folder`, whole or not at all.

    Args:
        corpus: any corpus, one opened from this very folder included.
        folder: new or empty; with `overwrite` it may be a store already. Missing parents are made.
        overwrite: replace the store that is there.
        like: what the corpus was read from; nobody may read the store who may not read that (see `rights_like`).

    Raises:
        StoreError: the folder is in use, a note is not JSON, a text is not valid Unicode, or the disk is full or not writable.
            The folder is then as it was.
        MissingExtraError: pyarrow is not installed.

    Example:
        >>> import merc
        >>> chat = merc.Conversation("chat", (merc.Utterance("1", "Ann", "Hi!", label="calm"),))
        >>> merc.save_store(merc.Corpus("mine", merc.LabelSet(names=("calm", "cross")), (), (chat,)), "store")
    """
    checked(corpus, Corpus, "what is saved", "a merc.Corpus", StoreError)
    folder = path_from(folder, "store", "a folder", StoreError).absolute()
    if replaces_store(folder, overwrite=overwrite):
        with _changing(folder):
            _write_corpus(corpus, folder, [*like, folder / MANIFEST])
        return
    with _writing(folder), _fresh_folder(folder) as temporary:
        _write_corpus(corpus, temporary, like)


def replaces_store(folder: str | Path, *, overwrite: bool) -> bool:
    """Whether `save_store` would replace a store there; refuses what it refuses, before work is spent on a corpus.

    Raises:
        StoreError: the folder is in use, or holds a store that is not to be replaced.
    """
    folder = Path(folder).absolute()
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not (folder / MANIFEST).is_file():
        raise StoreError(f"{folder} exists and is not a store: choose a new folder")
    if not overwrite:
        raise StoreError(f"{folder} holds a store already: choose a new folder, or ask to overwrite it")
    return True


def open_store(folder: str | Path, *, verify: bool = True) -> Corpus:
    """Open a store. Features are read-only views of memory-mapped files: nothing is copied.

    Args:
        folder: what `save_store` wrote.
        verify: compare every file's SHA-256 with the manifest (about a second per gigabyte). Sizes and shapes are compared always.

    Raises:
        StoreError: no store, a file that is missing, truncated or altered, or another version of the format.
        MissingExtraError: pyarrow is not installed.

    Example:
        >>> import merc
        >>> chat = merc.Conversation("chat", (merc.Utterance("1", "Ann", "Hi!", label="calm"),))
        >>> merc.save_store(merc.Corpus("mine", merc.LabelSet(names=("calm", "cross")), (), (chat,)), "store")
        >>> merc.open_store("store").name
        'mine'
    """
    folder = path_from(folder, "store", "a folder", StoreError)
    while True:
        manifest = read_manifest(folder)
        try:
            return _read_corpus(folder, manifest, verify=verify)
        except StoreError:
            if read_manifest(folder) == manifest:  # else a writer changed the store meanwhile: read the new one
                raise


def store_files(folder: str | Path) -> list[Path]:
    """All files of a store, as its manifest names them, with the manifest.

    Raises:
        StoreError: no store.
    """
    folder = Path(folder)
    return [folder / MANIFEST, *(folder / file.path for file in read_manifest(folder).files)]


def add_features(folder: str | Path, spec: FeatureSpec, arrays: Mapping[str, FeatureArray], *, overwrite: bool = False) -> None:
    """Add one feature to a store in one step; no other file is rewritten but the manifest.

    Args:
        spec: appended to the schema, or with `overwrite` put in place of the feature of the same key.
        arrays: conversation id -> float32 array of shape (T, D); a conversation that is not named gets NaN rows (absence).

    Raises:
        StoreError: no store, the key is there already, a ninth modality, or the disk is full or not writable.
        DataError: an unknown conversation, a wrong shape or dtype, an infinite number. The store is then as it was.
    """
    folder = Path(folder).absolute()
    read_manifest(folder)
    with _changing(folder):
        manifest = read_manifest(folder)
        specs = {feature.spec.key: feature.spec for feature in manifest.features}
        if spec.key in specs and not overwrite:
            raise StoreError(f"store {folder} has feature {spec.key} already (encoder {specs[spec.key].encoder})")
        modalities = {feature.spec.modality for feature in manifest.features} | {spec.modality}
        if len(modalities) > MAX_MODALITIES:
            raise StoreError(f"store {folder} would have {len(modalities)} modalities; at most {MAX_MODALITIES}")
        utterances = _read_table(folder, manifest)
        if (unknown := next((i for i in arrays if i not in utterances), None)) is not None:
            raise DataError(f"feature {spec.key}: conversation {unknown!r} is not in store {folder}")
        conversations = tuple(
            Conversation(i, tuple(turns), {spec.key: arrays[i]} if i in arrays else {}) for i, turns in utterances.items()
        )
        with _readable(folder):
            labels = LabelSet(names=manifest.labels)
        Corpus(manifest.name, labels, (spec,), conversations)  # refuses another dimension
        file = _write_feature(folder, spec, conversations, rights_like(store_files(folder), folder))
        features = {feature.spec.key: feature for feature in manifest.features} | {spec.key: StoredFeature(spec=spec, file=file)}
        write_manifest(folder, manifest.model_copy(update={"features": tuple(features.values())}))


def update_notes(folder: str | Path, notes: Mapping[str, object]) -> None:
    """Set notes of a store in one step; the others stay, and a value of None removes the key. Only the manifest is written.

    Raises:
        StoreError: no store, a value that JSON can't hold, or the disk is full or not writable. The store is then as it was.
    """
    folder = Path(folder).absolute()
    read_manifest(folder)
    changes = json_notes(notes)
    with _changing(folder):
        manifest = read_manifest(folder)
        merged = {key: value for key, value in {**manifest.notes, **changes}.items() if value is not None}
        write_manifest(folder, manifest.model_copy(update={"notes": merged}))


@contextmanager
def _writing(folder: Path) -> Generator[None, None, None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise StoreError(f"store {folder} can't be written: {reason}; it is as it was before") from error


@contextmanager
def _changing(folder: Path) -> Generator[None, None, None]:
    """Alone with an existing store; afterwards, whatever happened, only what its manifest names is left."""
    with _writing(folder), locked_folder(folder):
        try:
            yield
        finally:
            _sweep(folder)


@contextmanager
def _fresh_folder(folder: Path) -> Generator[Path, None, None]:
    """A hidden sibling that becomes `folder` on leaving, and is removed on an exception."""
    made = [parent for parent in folder.parents if not parent.exists()]
    temporary = folder.parent / temporary_name(folder.name)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with locked_folder(folder):
            for sibling in folder.parent.iterdir():
                if is_temporary(sibling.name, folder.name):
                    shutil.rmtree(sibling, ignore_errors=True)
            temporary.mkdir()
            yield temporary
            sync_folder(temporary)
            temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        raise


def _sweep(folder: Path) -> None:
    """Remove temporary files and data files that the manifest on disk does not name. The caller holds the lock."""
    try:
        kept = {file.path for file in read_manifest(folder).files}
    except StoreError:  # a broken store, to be overwritten: what it needs is not known
        return
    for path in (*folder.glob("*"), *(folder / FEATURES).glob("*")):
        name = path.relative_to(folder).as_posix()
        if is_temporary(path.name) or (DATA_FILE.fullmatch(name) and name not in kept):
            path.unlink(missing_ok=True)


def _write_corpus(corpus: Corpus, folder: Path, like: Iterable[str | Path]) -> None:
    notes = json_notes(corpus.notes)  # before anything is written
    rights = rights_like(map(Path, like), folder)
    manifest = Manifest(
        name=corpus.name,
        labels=corpus.label_set.names,
        conversations=len(corpus.conversations),
        utterances=corpus.utterance_count,
        table=_write_table(folder, corpus, rights),
        features=tuple(
            StoredFeature(spec=spec, file=_write_feature(folder, spec, corpus.conversations, rights))
            for spec in corpus.feature_schema
        ),
        splits={name: dict(split.parts) for name, split in corpus.splits.items()},
        notes=notes,
    )
    write_manifest(folder, manifest, rights)


@contextmanager
def _readable(folder: Path) -> Generator[None, None, None]:
    """What is not a corpus, though its files are whole, is the store's damage."""
    try:
        yield
    except StoreError:
        raise
    except (ValidationError, DataError) as error:
        raise StoreError(f"store {folder}: {explain(error) if isinstance(error, ValidationError) else error}") from error


def _read_corpus(folder: Path, manifest: Manifest, *, verify: bool) -> Corpus:
    for file in manifest.files:
        _check_file(folder, file, verify=verify)
    arrays = {
        feature.spec.key: map_features(folder / feature.file.path, rows=manifest.utterances, dimension=feature.spec.dimension)
        for feature in manifest.features
    }
    conversations: list[Conversation] = []
    start = 0
    with _readable(folder):
        for conversation_id, turns in _read_table(folder, manifest).items():
            stop = start + len(turns)
            features = {key: array[start:stop] for key, array in arrays.items()}
            conversations.append(Conversation(id=conversation_id, utterances=tuple(turns), features=features))
            start = stop
        return Corpus(
            name=manifest.name,
            label_set=LabelSet(names=manifest.labels),
            feature_schema=tuple(feature.spec for feature in manifest.features),
            conversations=tuple(conversations),
            splits={name: Split(name=name, parts=parts) for name, parts in manifest.splits.items()},
            notes=manifest.notes,
        )


def _write_feature(folder: Path, spec: FeatureSpec, conversations: Sequence[Conversation], rights: int) -> StoredFile:
    (folder / FEATURES).mkdir(exist_ok=True)
    arrays = (c.features.get(spec.key, np.full((len(c), spec.dimension), np.nan, np.float32)) for c in conversations)
    with staged_file(folder / FEATURES, rights) as staged:
        write_features(staged, arrays, rows=sum(map(len, conversations)), dimension=spec.dimension)
        return _stored(staged, folder, f"{FEATURES}/{spec.modality}.{spec.name}-{staged.sha256[:16]}.safetensors")


def _write_table(folder: Path, corpus: Corpus, rights: int) -> StoredFile:
    with staged_file(folder, rights) as staged:
        staged.write(encode_table(corpus.conversations))
        return _stored(staged, folder, f"utterances-{staged.sha256[:16]}.parquet")


def _stored(staged: StagedFile, folder: Path, path: str) -> StoredFile:
    staged.commit(folder / path)
    return StoredFile(path=path, bytes=staged.size, sha256=staged.sha256)


def _read_table(folder: Path, manifest: Manifest) -> dict[str, list[Utterance]]:
    path = folder / manifest.table.path
    try:
        utterances = decode_table(path.read_bytes())
    except DataError as error:
        raise StoreError(f"{path}: {error}") from error
    found = f"{len(utterances)} conversations and {sum(map(len, utterances.values()))} utterances"
    if found != f"{manifest.conversations} conversations and {manifest.utterances} utterances":
        raise StoreError(f"{path}: {found}, the manifest says {manifest.conversations} and {manifest.utterances}")
    return utterances


def _check_file(folder: Path, file: StoredFile, *, verify: bool) -> None:
    path = folder / file.path
    try:
        size = path.stat().st_size
        if size != file.bytes:
            raise StoreError(f"{path}: {size} bytes, expected {file.bytes}: truncated or altered")
        if verify:
            with path.open("rb") as stream:
                found = hashlib.file_digest(stream, "sha256").hexdigest()
            if found != file.sha256:
                raise StoreError(f"{path}: SHA-256 {found}, expected {file.sha256}: altered")
    except OSError as error:
        raise StoreError(f"{path}: can't be read: {error.strerror}; the manifest names it") from error
