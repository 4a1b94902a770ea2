"""CMU-MOSI (Zadeh et al. 2016) as a small table of sentences with row-aligned features.

A folder with `utterances.csv` (split, video, index, label 0 or 1, transcript) and `features.npz` (modality -> (N, D), a row a row
of the table). A conversation is a video; its one speaker is named after it.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import numpy as np

from merc.data.formats.csv_table import CsvTable, read_csv, read_header
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import PARTS, Conversation, Corpus, FeatureArray, FeatureSpec, LabelSet, Split, Utterance
from merc.data.splits import by_parts, draw
from merc.errors import DataError
from merc.files.encoding import repair_quotes

LABELS = LabelSet(names=("negative", "positive"))
_VALIDATION_SHARE = 0.15  # of the training videos, drawn; the published table has no validation part [chosen]
_VALIDATION_SEED = 0
_COLUMNS = ("split", "video", "index", "label", "transcript")
# What numpy, zipfile and zlib raise for files that are truncated, altered, encrypted or no npz at all.
_UNREADABLE = (
    *(OSError, ValueError, EOFError, AttributeError, TypeError, KeyError, MemoryError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)
_CODES = {"0": "negative", "1": "positive"}


def _matches(source: CorpusSource) -> bool:
    has_features = source.path.is_dir() and (source.path / "features.npz").is_file()
    return has_features and set(_COLUMNS) <= set(read_header(source.path / "utterances.csv"))


def _read(source: CorpusSource) -> Corpus:
    table = read_csv(source.path / "utterances.csv", _COLUMNS)
    if not len(table):
        raise DataError(f"{table.path} holds no utterance")
    arrays = _read_arrays(source.path / "features.npz", len(table))
    utterances = _utterances(table)
    videos = _videos(table)
    split, rule = _official(table, videos)
    return Corpus(
        name="mosi",
        label_set=LABELS,
        feature_schema=tuple(arrays),
        conversations=tuple(
            Conversation(video, tuple(utterances[row] for row in rows), {spec.key: array[rows] for spec, array in arrays.items()})
            for video, rows in videos.items()
        ),
        splits={split.name: split},
        notes={"source": "CMU-MOSI", "licence": "not stated", "languages": ["en"], "official_split": rule},
    )


def _utterances(table: CsvTable) -> list[Utterance]:
    codes = table.texts("label")
    for row, code in enumerate(codes):
        if code not in _CODES:
            raise DataError(f"{table.place(row)}: unknown label {code!r}; allowed: 0 (negative), 1 (positive)")
    transcripts = [repair_quotes(text).strip() or None for text in table.columns["transcript"]]
    rows = zip(table.counts("index"), table.texts("video"), codes, transcripts, strict=True)
    return [Utterance(str(index), video, words=transcript, label=_CODES[code]) for index, video, code, transcript in rows]


def _videos(table: CsvTable) -> dict[str, list[int]]:
    """Video -> its rows, in the order of their index."""
    videos, indices = table.texts("video"), table.counts("index")
    table.check_distinct(video=videos, index=indices)
    rows: dict[str, list[int]] = {video: [] for video in videos}
    for row in np.argsort(indices).tolist():
        rows[videos[row]].append(row)
    return rows


def _official(table: CsvTable, videos: dict[str, list[int]]) -> tuple[Split, str]:
    """The published parts; without a validation part, 15 % of the training videos become it."""
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    given = table.texts("split")
    for video, rows in videos.items():
        part = given[min(rows)]
        for row in sorted(rows):
            if given[row] not in parts:
                raise DataError(f"{table.place(row)}: unknown split {given[row]!r}; allowed: {', '.join(PARTS)}")
            if given[row] != part:
                raise DataError(f"{table.place(row)}: video {video!r} is in {part!r} and in {given[row]!r}")
        parts[part].append(video)
    if parts["validation"] or len(parts["train"]) < 2:
        return by_parts("official", *parts.values()), "as published"
    published = parts["train"]
    count = max(1, round(_VALIDATION_SHARE * len(published)))
    drawn = set(draw(published, count, seed=_VALIDATION_SEED))
    train, validation = ([video for video in published if (video in drawn) is held_out] for held_out in (False, True))
    rule = f"test as published; validation: {count} of {len(published)} training videos, drawn with seed {_VALIDATION_SEED}"
    return by_parts("official", train, validation, parts["test"]), rule


def _read_arrays(path: Path, rows: int) -> dict[FeatureSpec, FeatureArray]:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            raw = {name: np.asarray(archive[name]) for name in archive.files}
    except _UNREADABLE as error:
        raise DataError(f"{path}: not a readable npz of plain numbers: {error}") from error
    if not raw:
        raise DataError(f"{path} holds no array")
    arrays: dict[FeatureSpec, FeatureArray] = {}
    for name, array in raw.items():
        where = f"{path}: array {name!r}"
        if array.ndim != 2 or array.shape[0] != rows or array.dtype.kind not in "fiu":
            raise DataError(f"{where} is {array.dtype} {array.shape}, expected numbers of shape ({rows}, dimension)")
        with np.errstate(over="ignore"):
            numbers = array.astype(np.float32)
        infinite = np.flatnonzero(np.isinf(numbers).any(axis=1))
        if infinite.size:
            raise DataError(f"{where}, row {int(infinite[0])}: infinite, or too large for float32")
        try:
            spec = FeatureSpec(modality=name, name=f"mosi{numbers.shape[1]}", dimension=numbers.shape[1])
        except DataError as error:
            raise DataError(f"{where}: not a modality's name or a dimension out of range") from error
        arrays[spec] = numbers
    return arrays


LAYOUT = Layout(
    name="mosi",
    description="CMU-MOSI as a folder of utterances.csv and features.npz, negative and positive sentences",
    matches=_matches,
    draft=_read,
)
