"""One line out of pydantic's reports: the place, what was found, what is allowed."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from merc.errors import MercError, RecipeError
from merc.files.printable import printable

Record = TypeVar("Record", bound=BaseModel)
_SHOWN = 60  # characters of a wrong value that a message repeats
_MOST_FOUND = 300  # characters of a value in a recipe


def validated(record: type[Record], values: object, where: str) -> Record:
    """A record of plain values that a person wrote.

    Raises:
        RecipeError: a value that is not allowed; in one line that begins with `where`.
    """
    try:
        return record.model_validate(values)
    except ValidationError as error:
        raise RecipeError(f"{where}: {explain(error)}") from None


def explain(error: ValidationError) -> str:
    """The first fault of a record as `place: what is wrong (found: ...)`, and how many more there are."""
    faults = error.errors(include_url=False, include_context=False)
    # A misspelt key is also a missing one: name the key that stands there.
    fault = next((fault for fault in faults if fault["type"] == "extra_forbidden"), faults[0])
    place = ".".join(str(step) for step in fault["loc"])
    message = fault["msg"].removeprefix("Value error, ")
    text = f"{place}: {message}" if place else message
    if fault["type"] == "extra_forbidden":
        text = f"unknown key {place!r}"
    elif fault["type"] not in ("missing", "value_error"):
        text += f" (found: {shorten(printable(repr(fault['input'])))})"
    return text if len(faults) == 1 else f"{text}; {len(faults) - 1} more fault(s)"


def explain_all(error: ValidationError, record: type[BaseModel], place: str = "") -> str:
    """All faults of a `record` in one line; an unknown key is answered with the nearest name and with all that are allowed.

    `place` is that of the record in the whole config.
    """
    return "; ".join(_explain(fault, record, place) for fault in error.errors(include_url=False))


def shorten(text: str) -> str:
    """At most 60 characters, the cut marked by an ellipsis."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _explain(fault: Any, record: type[BaseModel], place: str) -> str:
    steps = [*([place] if place else []), *(str(step) for step in fault["loc"])]
    if fault["type"] != "extra_forbidden":
        if isinstance(fault.get("ctx", {}).get("error"), MercError):  # which names its place itself
            return str(fault["ctx"]["error"])
        shown = f" (found {printable(repr(fault['input']))[:_MOST_FOUND]})" if not isinstance(fault["input"], dict) else ""
        return f"{'.'.join(steps)}: {fault['msg'].removeprefix('Value error, ')}{shown}"
    allowed = _keys_at(record, fault["loc"][:-1])
    within = ".".join(steps[:-1])
    initials = {"".join(word[0] for word in key.split("_")): key for key in reversed(allowed)}
    nearest = difflib.get_close_matches(steps[-1], allowed, n=1, cutoff=0.4) or [initials[s] for s in steps[-1:] if s in initials]
    hint = f"did you mean {within and f'{within}.'}{nearest[0]}? " if nearest else ""
    return f"{'.'.join(steps)}: unknown key; {hint}allowed in {within or 'a recipe'}: {', '.join(allowed)}"


def _keys_at(record: type[BaseModel], location: Sequence[int | str]) -> list[str]:
    """The keys that a record may have at a place."""
    for step in location:
        annotation = record.model_fields[step].annotation if step in record.model_fields else None  # else a place in a list
        inner = [a for a in (annotation, *get_args(annotation)) if isinstance(a, type) and issubclass(a, BaseModel)]
        record = inner[0] if inner else record
    return list(record.model_fields)
