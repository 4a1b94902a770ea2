"""What is shown of an annotation, and of a folder that was annotated."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence

from rich.console import RenderableType
from rich.text import Text

from merc.annotation.export.timeline import clock
from merc.annotation.folder_table import FOLDER_TABLE, FileRecord
from merc.annotation.result import Result
from merc.cli.tables.cells import NOTHING, add_row, decimal, new_table
from merc.encoders.text.languages import warns_of_language
from merc.files.printable import printable

_WORDS = 300  # characters that are shown of an utterance; the files have all
_LISTED = 3  # utterances that are named where many lack a modality


def annotation_table(annotation: Result) -> Iterator[RenderableType]:
    """One table a conversation, a row an utterance: time, speaker, words, emotion, probability, trust per modality."""
    modalities = annotation.modalities if any(u.trust for u in annotation.utterances) else ()
    # Short heads and a caption leave more of a narrow terminal to the words.
    trusted = f", then the trust in {' and '.join(modalities)}" if modalities else ""
    for conversation in annotation.conversations:
        several = f", conversation {conversation.id}" if len(annotation.conversations) > 1 else ""
        title = printable(f"{annotation.origin.name}{several}")
        table = new_table(title, ("time", "speaker", "words", "emotion", *modalities), words=4)
        table.caption = Text(printable(f"beside the emotion its probability{trusted}"), style="dim")
        table.caption_justify = "left"
        for u in conversation.utterances:
            trust = [decimal(u.trust[m]) if m in u.present and m in u.trust else NOTHING for m in modalities]
            time = NOTHING if u.start is None else clock(u.start)
            words = textwrap.shorten(u.words or "", _WORDS, placeholder=" …") or NOTHING
            add_row(table, time, u.speaker or NOTHING, words, f"{u.emotion} {decimal(u.probabilities[u.emotion])}", *trust)
        yield table


def annotation_notes(annotation: Result) -> Iterator[str]:
    """What a user should know of an annotation, a sentence each."""
    yield from annotation.warnings
    lacking: dict[tuple[str, str], list[str | None]] = {}
    for absence in annotation.absences:
        lacking.setdefault((absence.modality, absence.reason), []).append(absence.utterance_id)
    for (modality, reason), ids in lacking.items():
        named = [i for i in ids if i is not None]
        if len(named) < len(ids):
            yield f"{modality} is absent: {reason}"
        else:
            more = f" and {len(named) - _LISTED} more" if len(named) > _LISTED else ""
            yield f"{modality} is absent in utterance {', '.join(named[:_LISTED])}{more}: {reason}"


def folder_notes(records: Sequence[FileRecord]) -> Iterator[str]:
    """What a user should know of a folder, a sentence each: words in other languages; all warnings stand in the folder's table."""
    found = [(record.file, sentence) for record in records for sentence in record.warnings if warns_of_language(sentence)]
    for file, sentence in found[:_LISTED]:
        yield f"{file}: {sentence}"
    if len(found) > _LISTED:
        yield f"{len(found) - _LISTED} more files hold words in other languages; the key 'warnings' of {FOLDER_TABLE} says which"


def file_records_table(records: Sequence[FileRecord]) -> Iterator[RenderableType]:
    """A row a file: what became of it."""
    table = new_table("files", ("file", "status", "utterances", "most frequent emotion", "error"), words=5)
    for record in records:
        most = Counter(record.emotions).most_common(1)
        emotion = f"{most[0][0]} {100 * most[0][1] / record.utterances:.0f} %" if most and record.utterances else NOTHING
        style = None if record.status == "done" else "yellow"
        add_row(table, record.file, record.status, record.utterances or NOTHING, emotion, record.error or NOTHING, style=style)
    yield table
