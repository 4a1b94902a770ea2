"""JSON of other hands: a key given twice, NaN and infinity are errors, and whatever is wrong is a ValueError."""

from __future__ import annotations

import json
import math
from typing import Any


def load_json(content: bytes | str) -> object:
    """The plain values of a JSON text; bytes are UTF-8.

    Raises:
        ValueError: not UTF-8, not JSON, nested too deep, a repeated key, a number that is not finite or has thousands of digits.
    """
    text = content.decode("utf-8") if isinstance(content, bytes) else content
    try:
        return json.loads(text, object_pairs_hook=without_repeats, parse_float=_finite, parse_constant=_finite)
    except RecursionError:
        raise ValueError("nested too deep") from None


def without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs, for `json.loads`; a ValueError names a repeated key."""
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"key {repeated!r} occurs more than once in one object")
    return content


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError(f"{literal[:60]} is not a finite number")
    return number
