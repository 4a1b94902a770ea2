"""The formats of transcripts: by suffix, what each is called and what reads it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from merc.annotation.transcripts.annotation_files.chat import read_chat
from merc.annotation.transcripts.annotation_files.elan import read_eaf
from merc.annotation.transcripts.annotation_files.exmaralda import read_exb
from merc.annotation.transcripts.annotation_files.nist import read_ctm
from merc.annotation.transcripts.annotation_files.textgrid import decode_textgrid, read_textgrid
from merc.annotation.transcripts.captions.lyrics import read_lyrics
from merc.annotation.transcripts.captions.sub import read_sub
from merc.annotation.transcripts.captions.subrip import read_subrip
from merc.annotation.transcripts.captions.substation import read_substation
from merc.annotation.transcripts.captions.subviewer import read_sbv
from merc.annotation.transcripts.captions.ttml import read_ttml
from merc.annotation.transcripts.captions.webvtt import read_webvtt
from merc.annotation.transcripts.cues import CueList
from merc.annotation.transcripts.plain.layouts import read_plain
from merc.annotation.transcripts.recognisers.json_file import read_json
from merc.annotation.transcripts.tables import read_tab_separated, read_table
from merc.annotation.transcripts.word_document import read_word_document
from merc.files.encoding import Decoded


@dataclass(frozen=True, slots=True)
class TextFormat:
    """A format that is text.

    Attributes:
        what: for people, such as `WebVTT subtitles`.
        read: from the text and the file's name, which errors call it by.
        decode: where the format says itself how its text is encoded; None finds out.
    """

    what: str
    read: Callable[[str, str], CueList]
    decode: Callable[[bytes, str], Decoded] | None = None


@dataclass(frozen=True, slots=True)
class BinaryFormat:
    """A format that is no text.

    Attributes:
        what: for people.
        read: from the bytes and the file's name; it raises ImportError where its package is missing.
        extra: that brings the package.
    """

    what: str
    read: Callable[[bytes, str], CueList]
    extra: str


# In the order in which one is taken where several lie beside a recording [chosen].
FORMATS: Mapping[str, TextFormat | BinaryFormat] = {
    ".srt": TextFormat("SubRip subtitles", read_subrip),
    ".vtt": TextFormat("WebVTT subtitles", read_webvtt),
    ".eaf": TextFormat("an annotation file of ELAN", read_eaf),
    ".textgrid": TextFormat("a TextGrid of Praat", read_textgrid, decode_textgrid),
    ".exb": TextFormat("a basic transcription of EXMARaLDA", read_exb),
    ".cha": TextFormat("a transcript in CHAT", read_chat),
    ".ass": TextFormat("SubStation Alpha subtitles", read_substation),
    ".ssa": TextFormat("SubStation Alpha subtitles", read_substation),
    ".ttml": TextFormat("TTML subtitles", read_ttml),
    ".dfxp": TextFormat("TTML subtitles", read_ttml),
    ".xml": TextFormat("TTML subtitles", read_ttml),
    ".sub": TextFormat("subtitles", read_sub),
    ".sbv": TextFormat("YouTube's captions", read_sbv),
    ".lrc": TextFormat("lyrics with times", read_lyrics),
    ".ctm": TextFormat("words of CTM", read_ctm),
    ".json": TextFormat("JSON", read_json),
    ".csv": TextFormat("a table with a header", read_table),
    ".tsv": TextFormat("a table with a header and tabs", read_tab_separated),
    ".txt": TextFormat("plain text", read_plain),
    ".md": TextFormat("plain text", read_plain),
    ".docx": BinaryFormat("a Word document", read_word_document, "subtitles"),
}
SUFFIXES = tuple(FORMATS)
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
