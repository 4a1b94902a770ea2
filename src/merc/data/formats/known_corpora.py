"""The corpora whose pickles circulate: their classes in the order of the label numbers, their ids, their named splits."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from merc.data.schema import PARTS, Split
from merc.data.splits import by_parts, cosmic_iemocap, leave_one_session_out, meld_by_id, meld_part

LANGUAGES = ["en"]  # of every corpus here
PartLists = Mapping[str, tuple[str, ...]]  # part -> conversation ids as the file lists them; may overlap until checked
SplitRule = Callable[[Sequence[str], PartLists], dict[str, Split]]


@dataclass(frozen=True, slots=True)
class KnownCorpus:
    """What a pickle does not say about itself.

    Attributes:
        labels: class names, in the order of the numbers 0, 1, 2, ...
        speakers: how the circulating files write a speaker: `initials` ('M', 'F') or `one_hot` rows.
        splits: makes the named splits from all conversation ids and the lists of the file.
        notes: what is uncertain.
    """

    name: str
    labels: tuple[str, ...]
    speakers: Literal["initials", "one_hot"]
    id_fits: Callable[[str], bool]
    splits: SplitRule
    notes: Mapping[str, str] = field(default_factory=dict[str, str])

    def recognises(self, conversation_ids: Iterable[str]) -> bool:
        """Whether more than half of the ids have the corpus's form, so that one wrong id is named in an error of this corpus."""
        fits = [self.id_fits(conversation_id) for conversation_id in conversation_ids]
        return 2 * sum(fits) > len(fits)


def iemocap_splits(conversation_ids: Sequence[str], parts: PartLists) -> dict[str, Split]:
    """`cosmic`; `session1` to `session5`, if there are two sessions at least; `file` if the file's lists differ from `cosmic`.

    Raises:
        DataError: an id is not IEMOCAP's.
    """
    cosmic = cosmic_iemocap(conversation_ids)
    found = {cosmic.name: cosmic}
    if len({conversation_id[:5] for conversation_id in conversation_ids}) > 1:
        found |= leave_one_session_out(conversation_ids)
    return found | _own_lists(cosmic, parts)


def meld_splits(conversation_ids: Sequence[str], parts: PartLists) -> dict[str, Split]:
    """`official`: the file's three lists; where it has two, the division by id, and `file` if the lists differ from that.

    Raises:
        DataError: a file of two lists holds an id that is not MELD's.
    """
    if "validation" in parts:
        return listed_split("official")(conversation_ids, parts)
    official = meld_by_id(conversation_ids)
    return {official.name: official} | _own_lists(official, parts)


def listed_split(name: str) -> SplitRule:
    """The rule that takes the lists of the file as one split; it raises DataError where a conversation is in two lists."""
    return lambda _, parts: {name: by_parts(name, *(parts.get(part, ()) for part in PARTS))}


def _own_lists(known: Split, parts: PartLists) -> dict[str, Split]:
    """The file's lists as `file`, unless they say what the known split says (a training list may hold the validation part)."""
    listed, expected = ({part: set(lists.get(part, ())) for part in PARTS} for lists in (parts, known.parts))
    merged = "validation" not in parts and listed["train"] == expected["train"] | expected["validation"]
    if listed["test"] == expected["test"] and (merged or listed == expected):
        return {}
    return listed_split("file")((), parts)


IEMOCAP = KnownCorpus(
    name="iemocap",
    labels=("happy", "sad", "neutral", "angry", "excited", "frustrated"),
    speakers="initials",
    id_fits=lambda conversation_id: re.match(r"Ses0[1-5][FM]_", conversation_id) is not None,
    splits=iemocap_splits,
)
MELD = KnownCorpus(
    name="meld",
    labels=("neutral", "surprise", "fear", "sadness", "joy", "disgust", "anger"),
    speakers="one_hot",
    id_fits=lambda conversation_id: meld_part(conversation_id) is not None,
    splits=meld_splits,
)
EMORYNLP = KnownCorpus(
    name="emorynlp",
    labels=("joyful", "mad", "peaceful", "neutral", "sad", "powerful", "scared"),
    speakers="one_hot",
    id_fits=lambda conversation_id: re.fullmatch(r"\d+_\d+_\d+", conversation_id) is not None,  # season, episode, scene
    splits=listed_split("official"),
    notes={"labels": "label names are not in the file: their order is that of COSMIC's loader, which the counts per class fit"},
)
