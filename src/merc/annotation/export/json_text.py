"""A result as JSON without loss, and read back."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Any, cast

from pydantic import TypeAdapter, ValidationError

from merc.annotation.result import Result
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import explain, shorten

FORMAT = 2
_SURROGATES = re.compile("[\ud800-\udfff]")


def json_text(result: Result) -> str:
    """The result's fields by their names, and `format`. Ends in a line feed and can always be encoded."""
    text = json.dumps({"format": FORMAT, **asdict(result)}, ensure_ascii=False, allow_nan=False, indent=2)
    return _SURROGATES.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n"  # from file names that are not UTF-8


def result_from_json(text: str) -> Result:
    """What `json_text` wrote, read back.

    Raises:
        DataError: no JSON, of another format, or not consistent; the message names the place.
    """
    try:
        content: object = json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_without_repeats)
    except (ValueError, RecursionError) as error:
        raise DataError(f"annotation: not valid JSON: {shorten(printable(str(error)))}") from error
    found = cast("dict[str, object]", content).pop("format", None) if isinstance(content, dict) else None
    if type(found) is not int or found != FORMAT:
        raise DataError(f"annotation: format {shorten(printable(repr(found)))}; this version of merc reads format {FORMAT}")
    try:
        return TypeAdapter(Result).validate_python(content)
    except ValidationError as error:
        raise DataError(f"annotation: {printable(explain(error)).removeprefix('annotation: ')}") from error


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("an object has a key twice")
    return found
