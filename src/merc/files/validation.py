"""One line out of pydantic's reports: the place, what was found, what is allowed."""

from __future__ import annotations

from pydantic import ValidationError

_SHOWN = 60  # characters of a wrong value that a message repeats


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
        text += f" (found: {shorten(repr(fault['input']))})"
    return text if len(faults) == 1 else f"{text}; {len(faults) - 1} more fault(s)"


def shorten(text: str) -> str:
    """At most 60 characters, the cut marked by an ellipsis."""
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
