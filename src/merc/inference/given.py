"""What a caller gives a model, checked before work is spent on it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from merc.data.schema import Conversation, FeatureSpec
from merc.data.unicode import check_text
from merc.errors import DataError, FeatureError
from merc.files.arguments import checked, shown


def given_specs(specs: object) -> list[FeatureSpec]:
    """What is declared of features; a FeatureError if it is something else."""
    listed = cast("Sequence[object]", specs) if isinstance(specs, (list, tuple)) else [specs]
    return [checked(spec, FeatureSpec, "specs", "a list of merc.FeatureSpec", FeatureError) for spec in listed]


def given_conversations(given: object) -> tuple[Conversation, ...]:
    """One conversation or several; a DataError if it is something else, or holds text that is not valid Unicode."""
    expected = "merc.Conversation, one or a list of them (a file is for model.annotate)"
    if isinstance(given, Conversation):
        given = (given,)
    if isinstance(given, (str, bytes)) or not isinstance(given, Iterable):
        raise DataError(f"conversations: expected {expected}, found {shown(given)}")
    found = tuple(checked(each, Conversation, "conversations", expected) for each in cast("Iterable[object]", given))
    for conversation in found:
        check_text(conversation.utterances, f"conversation {conversation.id!r}")
    return found
