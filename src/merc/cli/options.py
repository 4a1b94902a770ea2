"""Options that are more than one word, number or path, and how they are read; and what several commands end with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeVar

from merc.errors import RecipeError

if TYPE_CHECKING:
    from merc.settings import Settings
    from merc.synthetic.planting import Stream
else:  # slow to import, and not needed by `merc --help`
    Stream = Settings = object

INTERRUPTED = 130  # exit code: Ctrl-C
CorpusPart = Literal["train", "validation", "test"]  # a part of a split
StudiedPart = Literal["validation", "test"]  # a part that a study may judge
SettingsType = TypeVar("SettingsType", bound=Settings)
_STREAM_FIELDS = ("modality", "dimension", "quality", "noise", "absent")


def parse_stream(text: str) -> Stream:
    """Reads `MODALITY:DIMENSION:QUALITY[:NOISE[:ABSENT]]`, such as `audio:32:2.0:0.25:0.10`.

    Raises:
        RecipeError: another form, or a value out of range.
    """
    from merc.synthetic.planting import Stream

    fields = text.split(":")
    if not 3 <= len(fields) <= len(_STREAM_FIELDS):
        raise RecipeError(f"--stream {text!r}: write MODALITY:DIMENSION:QUALITY[:NOISE[:ABSENT]], such as audio:32:2.0:0.25:0.10")
    return settings_from(Stream, dict(zip(_STREAM_FIELDS, fields, strict=False)), f"--stream {text!r}")


def settings_from(settings: type[SettingsType], values: Mapping[str, object], where: str = "options") -> SettingsType:
    """Settings from values that a person gave.

    Raises:
        RecipeError: a value that is not allowed.
    """
    from pydantic import ValidationError

    from merc.files.validation import explain

    try:
        return settings.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{where}: {explain(error)}") from None
