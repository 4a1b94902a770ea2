"""The stores of the test beds: made once of local data, and checked whenever they are opened."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from merc.data.formats.importing import files_at, import_corpus
from merc.data.schema import Corpus
from merc.data.splits import by_parts, draw
from merc.data.store.store import open_store, save_store
from merc.encoders.encoding import encode_corpus
from merc.encoders.text.sentence import text_encoder
from merc.errors import StoreError
from merc.studies.plan import digest_of
from merc.synthetic.planting import STANDARD, Stream, plant

MADE_OF = "made_for_beds"  # the key of what a store was made of, in its notes
SET_SIZE = 110  # conversations: a small corpus of the field, such as IEMOCAP's training part
SMALL = Stream(modality="audio", dimension=32, quality=2.0, noise=0.25, absent=0.10)


@dataclass(frozen=True, slots=True)
class Source:
    """What a store is made of.

    Attributes:
        path: a corpus's file or folder below the folder of data, or the name of another store, in which streams are planted.
        streams, seed: that are planted, and the seed of the draw; none leaves the corpus as it is, with text encoded.
        sets: splits `set-1` and so on, each with SET_SIZE conversations of the training part, no two alike.
    """

    path: str
    streams: tuple[Stream, ...] = ()
    seed: int = 0
    sets: int = 0


STORES: dict[str, Source] = {
    "meld": Source("meld"),
    "emorynlp": Source("legacy_pickles/emorynlp_cosmic.pkl"),
    "mosi": Source("mosi"),
    "meld-planted": Source("meld", STANDARD, seed=0),
    "emorynlp-planted": Source("emorynlp", STANDARD, seed=1),
    "meld-small": Source("meld", (SMALL,), seed=2, sets=3),
    "emorynlp-small": Source("emorynlp", (SMALL,), seed=3, sets=2),
}


def opened(name: str, data: Path, folder: Path, sources: Mapping[str, Source] = STORES) -> Corpus:
    """The corpus of a store below `folder`, which is made if it is not there.

    Args:
        name: a key of `sources`.
        data: folder of the local data. Where a corpus is missing, a store that was made of it is taken as it is.
        folder: of all stores.
        sources: what there is.

    Raises:
        StoreError: the data is missing and there is no store, the store was made of something else, or it is damaged.
    """
    source, place = sources[name], folder / name
    base = opened(source.path, data, folder, sources) if source.streams else None
    made_of = _made_of(source, base, data / source.path)
    if not place.exists():
        if base is None and made_of["content"] is None:
            raise StoreError(f"bed store {name!r}: {data / source.path} is not there; give the folder of the data with --data")
        corpus = import_corpus(data / source.path) if base is None else _drawn(plant(base, source.streams, source.seed), source)
        save_store(replace(corpus, notes={**corpus.notes, MADE_OF: made_of}), place)
    corpus = open_store(place)
    found = corpus.notes.get(MADE_OF)
    known = found if isinstance(found, dict) else {}
    different = [key for key in made_of if made_of[key] is not None and known.get(key) != made_of[key]]
    if different:
        raise StoreError(f"{place}: was made of other {', '.join(different)}; remove it, or give another --stores")
    if not any(spec.modality == "text" for spec in corpus.feature_schema):
        encode_corpus(place, text_encoder("minilm"))
        corpus = open_store(place)
    return corpus


def _made_of(source: Source, base: Corpus | None, path: Path) -> dict[str, Any]:
    """What decides a store's content, as JSON values; None where it is not known."""
    if base is not None:
        content: str | None = digest_of(base)
    elif path.exists():
        digest = hashlib.sha256()
        for file in sorted(f for f in files_at(path) if f.is_file()):
            digest.update(repr((file.name, hashlib.sha256(file.read_bytes()).hexdigest())).encode())
        content = digest.hexdigest()
    else:
        content = None
    streams = [stream.model_dump(mode="json") for stream in source.streams]
    return {"path": source.path, "content": content, "streams": streams, "seed": source.seed, "sets": source.sets}


def _drawn(corpus: Corpus, source: Source) -> Corpus:
    """With the splits of small training sets beside the official one; validation and test stay whole."""
    parts = corpus.splits["official"].parts
    ids = draw(parts["train"], source.sets * SET_SIZE, seed=source.seed)
    made = {
        f"set-{n + 1}": by_parts(f"set-{n + 1}", ids[n * SET_SIZE : (n + 1) * SET_SIZE], parts["validation"], parts["test"])
        for n in range(source.sets)
    }
    return replace(corpus, splits={**corpus.splits, **made})
