"""The formats of transcripts: by suffix, what each is called and what reads it."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from merc.annotation.transcripts.cues import CueList
from merc.files.encoding import Decoded, decode


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A format that is text.

    Attributes:
        what: for people, such as `WebVTT subtitles`.
        reader: the function's place in this package; it is imported when it is first called, since all together take long.
        decoder: likewise, where the format says itself how its text is encoded; None finds out.
        tiered: whether a file has tiers, of which the reader takes those that it is given the names of.
    """

    what: str
    reader: str
    decoder: str | None = None
    tiered: bool = False

    def read(self, text: str, name: str, tiers: Sequence[str] = ()) -> CueList:
        """What a text holds, whose file errors call `name`; `tiers` are only for a format that has some."""
        return _function(self.reader)(text, name, *((tiers,) if self.tiered else ()))

    def decode(self, data: bytes, name: str, encoding: str | None) -> Decoded:
        """The text of a file, in the given encoding or in that which it turns out to have."""
        if self.decoder is None or encoding is not None:
            return decode(data, name, encoding=encoding)
        return _function(self.decoder)(data, name)


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """A format that is no text.

    Attributes:
        what: for people.
        reader: the function's place in this package.
        extra: that brings the package without which it raises ImportError.
    """

    what: str
    reader: str
    extra: str

    def read(self, data: bytes, name: str) -> CueList:
        """What the bytes hold, whose file errors call `name`."""
        return _function(self.reader)(data, name)


def _function(place: str) -> Callable[..., Any]:
    module, _, function = place.rpartition(".")
    return getattr(importlib.import_module(f"{__package__}.{module}"), function)


# In the order in which one is taken where several lie beside a recording [chosen].
FORMATS: Mapping[str, TextFormat | BinaryFormat] = {
    ".srt": TextFormat("SubRip subtitles", "captions.subrip.read_subrip"),
    ".vtt": TextFormat("WebVTT subtitles", "captions.webvtt.read_webvtt"),
    ".eaf": TextFormat("an annotation file of ELAN", "annotation_files.elan.read_eaf", tiered=True),
    ".textgrid": TextFormat(
        "a TextGrid of Praat",
        "annotation_files.textgrid.read_textgrid",
        "annotation_files.textgrid.decode_textgrid",
        tiered=True,
    ),
    ".exb": TextFormat("a basic transcription of EXMARaLDA", "annotation_files.exmaralda.read_exb", tiered=True),
    ".cha": TextFormat("a transcript in CHAT", "annotation_files.chat.read_chat"),
    ".ass": TextFormat("SubStation Alpha subtitles", "captions.substation.read_substation"),
    ".ssa": TextFormat("SubStation Alpha subtitles", "captions.substation.read_substation"),
    ".ttml": TextFormat("TTML subtitles", "captions.ttml.read_ttml"),
    ".dfxp": TextFormat("TTML subtitles", "captions.ttml.read_ttml"),
    ".xml": TextFormat("TTML subtitles", "captions.ttml.read_ttml"),
    ".sub": TextFormat("subtitles", "captions.sub.read_sub"),
    ".sbv": TextFormat("YouTube's captions", "captions.subviewer.read_sbv"),
    ".lrc": TextFormat("lyrics with times", "captions.lyrics.read_lyrics"),
    ".ctm": TextFormat("words of CTM", "annotation_files.nist.read_ctm"),
    ".json": TextFormat("JSON", "recognisers.json_file.read_json"),
    ".csv": TextFormat("a table with a header", "tables.read_table"),
    ".tsv": TextFormat("a table with a header and tabs", "tables.read_tab_separated"),
    ".txt": TextFormat("plain text", "plain.layouts.read_plain"),
    ".md": TextFormat("plain text", "plain.layouts.read_plain"),
    ".docx": BinaryFormat("a Word document", "word_document.read_word_document", "annotate"),
}
SUFFIXES = tuple(FORMATS)
TIERED = tuple(suffix for suffix, known_format in FORMATS.items() if isinstance(known_format, TextFormat) and known_format.tiered)
UNREADABLE = {
    ".rttm": "it tells who speaks when and holds no words; give it by --speakers",
    ".idx": "VobSub, whose subtitles are pictures",
    ".sup": "subtitles of Blu-ray discs, which are pictures",
}
SIGNS = {  # by which the beginning of a text shows its kind
    ".vtt": re.compile(r"\AWEBVTT"),
    ".ass": re.compile(r"\A\[script info\]", re.IGNORECASE),
    ".ttml": re.compile(r"\A(?:<\?xml[^<>]{0,200}>\s{0,99})?<(?:\w{1,20}:)?tt[\s>]"),
    ".json": re.compile(r"\A(?:\{\s*[\"}]|\[\s*\{)"),
    # Times alone may stand over the words of a plain text, too; those of subtitles have a number over them.
    ".srt": re.compile(
        r"^[^\S\n]{0,9}\d+[^\S\n]{0,9}\n[^\S\n]{0,9}\d+:\d\d:\d\d[,.]\d{1,3} *--> *\d+:\d\d:\d\d[,.\d]*[^\S\n]*$", re.MULTILINE
    ),
}
