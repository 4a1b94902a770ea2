"""Files of MMSA and MMSA-FET: sentences of monologues with sequences of vectors, {'train', 'valid', 'test'}.

A video's sentences make one conversation with one speaker. A sentence's vectors are averaged over time, within its length (where a
file gives no lengths, over the steps that hold anything but zeros). Infinite numbers, which MMSA itself sets to 0, are left out of
the mean; a sentence of no steps lacks the modality.
The classes come from the annotations (`Negative`, `Neutral`, `Positive`), or else from the sign of the regression label.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from merc.data.formats.cells import array_of, describe, integer_of, items_of, number_of, table_of, text_of
from merc.data.formats.draft import CorpusDraft, FeatureSlot, Problem, RawConversation, assemble
from merc.data.formats.known_corpora import listed_split
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.schema import FeatureArray
from merc.errors import DataError

_PART_OF_KEY = {"train": "train", "valid": "validation", "test": "test"}
_SLOT_OF_KEY = {
    "text": FeatureSlot("text", "mmsa", "unknown"),
    "audio": FeatureSlot("audio", "mmsa", "unknown"),
    "vision": FeatureSlot("visual", "mmsa", "unknown"),
}
_SEPARATOR = "$_$"  # between video and clip
_LABELS = ("negative", "neutral", "positive")
_Sentence = tuple[str, object, object, dict[str, FeatureArray]]  # clip, label, transcript, features by `FeatureSlot.key`


def _matches(source: CorpusSource) -> bool:
    """Whether the content has the three keys, each with ids, transcripts, labels and at least one sequence of vectors."""
    table = table_of(source.content)
    if table is None or set(table) != set(_PART_OF_KEY):
        return False
    parts = [table_of(entry) or {} for entry in table.values()]
    needed = (("id",), ("raw_text",), ("annotations", "regression_labels"), tuple(_SLOT_OF_KEY))
    return all(any(key in columns for key in keys) for columns in parts for keys in needed)


def _draft(source: CorpusSource) -> CorpusDraft:
    table = table_of(source.content) or {}
    problems: list[Problem] = []
    sentences: dict[str, list[_Sentence]] = {}  # by video
    parts: dict[str, dict[str, None]] = {part: {} for part in _PART_OF_KEY.values()}
    for key, part in _PART_OF_KEY.items():
        for sentence_id, label, text, features in _sentences(f"{source.path}: {key}", table_of(table.get(key)) or {}):
            video, separator, clip = str(sentence_id).rpartition(_SEPARATOR)
            if not separator or not video or not clip:
                message = f"part {key!r}: id {sentence_id!r}, expected the form 'video{_SEPARATOR}clip'"
                problems.append(Problem("cell", message))
                continue
            parts[part][video] = None
            sentences.setdefault(video, []).append((clip, label, text, features))
    neutral = any(label == "neutral" for of_video in sentences.values() for _, label, _, _ in of_video)
    label_names = _LABELS if neutral else (_LABELS[0], _LABELS[2])
    slots = [slot for key, slot in _SLOT_OF_KEY.items() if any(key in (table_of(entry) or {}) for entry in table.values())]
    raw: list[RawConversation] = []
    for video, of_video in sentences.items():
        clips, labels, texts, rows = zip(*sorted(of_video, key=lambda sentence: _clip_order(sentence[0])), strict=True)
        raw.append(
            RawConversation(
                id=video,
                labels=[label_names.index(label) if label in label_names else label for label in labels],
                speakers=[video] * len(clips),
                utterance_ids=clips,
                sentences=texts,
                features={slot.key: [row[slot.key] for row in rows] for slot in slots if all(slot.key in row for row in rows)},
            )
        )
    return assemble(
        name="mmsa",
        label_names=label_names,
        slots=slots,
        raw=raw,
        parts={part: tuple(videos) for part, videos in parts.items()},
        split_rule=listed_split("official"),
        notes={"source": source.file_name, "layout": LAYOUT.name, "features": "averaged over time within each sentence's length"},
        problems=problems,
    )


def _time_means(sequences: NDArray[np.generic], lengths: NDArray[np.int64] | None) -> FeatureArray:
    """Means over time of sequences (N, L, D), padded to L steps, as (N, D); NaN where no finite number is left.

    `lengths` (N,) are the steps to use; None: all steps that hold anything but zeros.
    """
    values = sequences.astype(np.float64)
    steps: NDArray[np.int64] = np.arange(values.shape[1], dtype=np.int64)[None, :]
    used: NDArray[np.bool_] = (values != 0).any(axis=2) if lengths is None else steps < lengths[:, None]
    values[~used] = np.nan
    values[~np.isfinite(values)] = np.nan
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # a mean of nothing is NaN: just what is wanted
        return np.nanmean(values, axis=1).astype(np.float32)


def _sentences(where: str, columns: Mapping[object, object]) -> list[tuple[str | None, object, object, dict[str, FeatureArray]]]:
    """Id, label, transcript and features of each sentence of a part."""
    ids = [text_of(cell) for cell in items_of(columns.get("id")) or []]
    labels = _rows(where, columns, "annotations" if "annotations" in columns else "regression_labels", len(ids))
    texts = _rows(where, columns, "raw_text", len(ids))
    means = {slot.key: _means(where, columns, key, len(ids)) for key, slot in _SLOT_OF_KEY.items() if key in columns}
    features = [{key: matrix[row] for key, matrix in means.items()} for row in range(len(ids))]
    return list(zip(ids, map(_label, labels), texts, features, strict=True))


def _rows(where: str, columns: Mapping[object, object], key: str, count: int) -> list[object]:
    rows = items_of(columns.get(key))
    if rows is None or len(rows) != count:
        found = describe(columns.get(key)) if rows is None else f"{len(rows)} rows"
        raise DataError(f"{where}, column {key!r}: {found}, expected {count} rows, one an id")
    return rows


def _means(where: str, columns: Mapping[object, object], key: str, count: int) -> FeatureArray:
    sequences = array_of(columns.get(key))
    if sequences is None or sequences.ndim != 3 or sequences.dtype.kind not in "fiu" or len(sequences) != count:
        raise DataError(
            f"{where}, column {key!r}: {describe(columns.get(key))}, expected an array of shape ({count}, time, dimension)"
        )
    lengths = items_of(columns.get(f"{key}_lengths"))
    tokens = array_of(columns.get("text_bert"))
    if lengths is None and key == "text" and tokens is not None and tokens.ndim == 3 and tokens.shape[:2] == (count, 3):
        lengths = items_of((tokens[:, 1] != 0).sum(axis=1))  # ids, attention mask and segments of BERT's tokens: the mask counts
    if lengths is None:
        return _time_means(sequences, None)
    steps = [integer_of(length) for length in lengths]
    if len(steps) != count or any(length is None or length < 0 for length in steps):
        raise DataError(f"{where}, column {key}_lengths: {len(steps)} rows, expected {count} whole numbers from 0, one an id")
    return _time_means(sequences, np.array(steps, dtype=np.int64))


def _label(cell: object) -> object:
    """The class name of an annotation or of a regression label; the cell itself if it is neither."""
    name = text_of(cell)
    if name is not None:
        return name.strip().lower()
    number = number_of(cell)
    return cell if number is None or not np.isfinite(number) else _LABELS[int(np.sign(number)) + 1]


def _clip_order(clip: str) -> tuple[int, str]:
    return (int(clip), "") if clip.isascii() and clip.isdigit() and len(clip) < 10 else (10**9, clip)


LAYOUT = Layout(
    name="mmsa",
    description="files of MMSA and MMSA-FET: {'train', 'valid', 'test'} with raw_text, audio, vision, text, annotations",
    matches=_matches,
    draft=_draft,
)
