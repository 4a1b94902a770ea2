"""A result as tab-delimited text, as ELAN, Praat's tables and spreadsheets import it: a header, and a row an utterance."""

from __future__ import annotations

from collections.abc import Sequence

from merc.annotation.result import Result
from merc.files.csv_cells import csv_text


def tsv_text(result: Result) -> str:
    """Id, speaker, start and end in s, words, emotion, its probability, and each modality's trust; a conversation, if several."""
    utterances = result.utterances
    columns: dict[str, Sequence[str | float | None]] = {}
    if len(result.conversations) > 1:
        columns["conversation"] = [c.id for c in result.conversations for _ in c.utterances]
    columns["id"] = [u.id for u in utterances]
    columns["speaker"] = [_one_line(u.speaker) for u in utterances]
    columns["start"] = [None if u.start is None else round(u.start, 3) for u in utterances]
    columns["end"] = [None if u.end is None else round(u.end, 3) for u in utterances]
    columns["words"] = [_one_line(u.words) for u in utterances]
    columns["emotion"] = [u.emotion for u in utterances]
    columns["probability"] = [round(u.probabilities[u.emotion], 4) for u in utterances]
    if any(u.trust for u in utterances):
        columns |= {
            f"trust_{m}": [round(u.trust.get(m, 0.0), 4) if u.trust else None for u in utterances] for m in result.modalities
        }
    return csv_text(columns, "\t")


def _one_line(text: str | None) -> str | None:
    return None if text is None else " ".join(text.split())
