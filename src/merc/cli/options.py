"""Options that are more than one word, number or path, and how they are read; and what several commands end with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from merc.errors import RecipeError

if TYPE_CHECKING:
    from merc.synthetic.planting import Stream
else:  # slow to import, and not needed by `merc --help`
    Stream = object

INTERRUPTED = 130  # exit code: Ctrl-C
CorpusPart = Literal["train", "validation", "test"]  # a part of a split
StudiedPart = Literal["validation", "test"]  # a part that a study may judge
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON and nothing else.")]
Tiers = Annotated[
    list[str] | None,
    typer.Option(
        "--tiers", metavar="NAME", help="A tier that holds words, of .eaf, .TextGrid or .exb; repeatable; by default found out."
    ),
]
_STREAM_FIELDS = ("modality", "dimension", "quality", "noise", "absent")


def parse_stream(text: str) -> Stream:
    """Reads `MODALITY:DIMENSION:QUALITY[:NOISE[:ABSENT]]`, such as `audio:32:2.0:0.25:0.10`.

    Raises:
        RecipeError: another form, or a value out of range.
    """
    from merc.files.validation import validated
    from merc.synthetic.planting import Stream

    fields = text.split(":")
    if not 3 <= len(fields) <= len(_STREAM_FIELDS):
        raise RecipeError(f"--stream {text!r}: write MODALITY:DIMENSION:QUALITY[:NOISE[:ABSENT]], such as audio:32:2.0:0.25:0.10")
    return validated(Stream, dict(zip(_STREAM_FIELDS, fields, strict=False)), f"--stream {text!r}")
