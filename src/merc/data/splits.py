"""Named divisions of a corpus into training, validation and test conversations, never by utterance.

A draw ranks conversations by a hash of seed and id: it depends on the ids and the seed alone, not on the order of the ids, the
version of a random generator, or the machine.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Sequence

from merc.data.schema import PARTS, Split
from merc.errors import DataError

# The validation dialogues of COSMIC (Ghosal et al., Findings of EMNLP 2020), since IEMOCAP ships none.
COSMIC_VALIDATION: frozenset[str] = frozenset(
    {
        "Ses01M_impro01",
        "Ses01M_script03_1",
        "Ses02F_impro02",
        "Ses02F_impro07",
        "Ses02M_script01_2",
        "Ses03F_impro01",
        "Ses03M_impro02",
        "Ses03M_impro08a",
        "Ses03M_script02_2",
        "Ses03M_script03_2",
        "Ses04F_impro07",
        "Ses04F_script02_1",
    }
)
LEAVE_OUT_VALIDATION_SHARE = 0.1  # chosen: 12 of the 120 dialogues beside Session 5, as many as COSMIC has
MELD_IDS = {"train": range(1039), "validation": range(1039, 1153), "test": range(1153, 1433)}  # dialogue ids of MELD's pickles
_SESSION = re.compile(r"Ses0([1-5])[FM]_\S+")


def by_parts(name: str, train: Iterable[str], validation: Iterable[str], test: Iterable[str]) -> Split:
    """A split from three lists of conversation ids, in their order; an empty part is left out.

    Raises:
        DataError: a conversation is in two parts, or twice in one.
    """
    lists = {"train": tuple(train), "validation": tuple(validation), "test": tuple(test)}
    return Split(name=name, parts={part: ids for part, ids in lists.items() if ids})


def cosmic_iemocap(conversation_ids: Iterable[str]) -> Split:
    """IEMOCAP as COSMIC divides it, named `cosmic`: Session 5 is the test, 12 fixed dialogues are the validation.

    Of the 12 dialogues those that the corpus lacks are left out.

    Raises:
        DataError: an id is not of the form `Ses01F_impro01`, or occurs twice.
    """

    def part_of(conversation_id: str) -> str:
        if _session(conversation_id) == 5:
            return "test"
        return "validation" if conversation_id in COSMIC_VALIDATION else "train"

    return _by_rule("cosmic", conversation_ids, part_of)


def leave_one_session_out(conversation_ids: Iterable[str]) -> dict[str, Split]:
    """IEMOCAP's five folds, `session1` to `session5`: each session is the test of its own fold.

    The validation part [chosen]: COSMIC's validation dialogues outside the session, topped up to a tenth of the remaining
    dialogues (rounded) with those of lowest hash rank. On the whole of IEMOCAP `session5` therefore equals `cosmic`.
    A session that the corpus lacks has no fold.

    Raises:
        DataError: an id is not of the form `Ses01F_impro01`, or occurs twice; or the corpus holds one session only.
    """
    ids = tuple(conversation_ids)
    sessions = {conversation_id: _session(conversation_id) for conversation_id in ids}
    present = sorted(set(sessions.values()))
    if len(present) < 2:
        raise DataError(f"leave one session out: the conversations are of {len(present)} session(s); at least 2 are needed")
    folds: dict[str, Split] = {}
    for session in present:
        rest = [i for i in ids if sessions[i] != session]
        validation = {i for i in rest if i in COSMIC_VALIDATION}
        wanted = max(1, round(LEAVE_OUT_VALIDATION_SHARE * len(rest))) if len(rest) > 1 else 0
        others = [i for i in rest if i not in validation]
        validation.update(draw(others, max(0, wanted - len(validation)), seed=session))
        folds[f"session{session}"] = by_parts(
            f"session{session}",
            train=[i for i in rest if i not in validation],
            validation=[i for i in rest if i in validation],
            test=[i for i in ids if sessions[i] == session],
        )
    return folds


def meld_part(conversation_id: str) -> str | None:
    """The official part of a dialogue id of MELD's pickles; None for any other id."""
    number = int(conversation_id) if re.fullmatch("[0-9]{1,9}", conversation_id) else -1
    return next((part for part, ids in MELD_IDS.items() if number in ids), None)


def meld_by_id(conversation_ids: Iterable[str]) -> Split:
    """MELD's official split, named `official`, by the dialogue ids: some pickles list train and validation together.

    Raises:
        DataError: an id is none of MELD's, or occurs twice.
    """

    def part_of(conversation_id: str) -> str:
        part = meld_part(conversation_id)
        if part is None:
            raise DataError(f"MELD conversation id {conversation_id!r}: expected an integer from 0 to {MELD_IDS['test'][-1]}")
        return part

    return _by_rule("official", conversation_ids, part_of)


def seeded(
    conversation_ids: Iterable[str], seed: int, shares: tuple[float, float, float] = (0.8, 0.1, 0.1), *, name: str = "seeded"
) -> Split:
    """A drawn split by conversation: the same for the same ids and seed, in whatever order the ids come.

    Args:
        conversation_ids: two or more, all different.
        seed: any integer.
        shares: of train, validation and test, by number of conversations; not negative, summing to 1. Counts are rounded by
            largest remainder, and every part with a share gets one conversation at least.
        name: of the split.

    Raises:
        DataError: bad shares, a repeated id, or fewer conversations than parts.
    """
    ids = tuple(conversation_ids)
    by_parts(name, ids, (), ())  # refuses repeated ids
    if min(shares) < 0 or abs(sum(shares) - 1.0) > 1e-6:
        raise DataError(f"split {name!r}: shares {shares}; allowed are three numbers from 0 to 1 that sum to 1")
    counts = _counts(name, len(ids), shares)
    ranked = draw(ids, len(ids), seed=seed)
    first, second = counts[0], counts[0] + counts[1]
    return by_parts(name, sorted(ranked[:first]), sorted(ranked[first:second]), sorted(ranked[second:]))


def folds(conversation_ids: Iterable[str], count: int, seed: int) -> tuple[tuple[str, ...], ...]:
    """The conversations dealt to folds of like size: the same for the same ids and seed, in whatever order the ids come.

    Args:
        conversation_ids: all different, as many as there are folds or more.
        count: of the folds.
        seed: any integer.

    Raises:
        DataError: a repeated id, or fewer conversations than folds.
    """
    ids = tuple(conversation_ids)
    by_parts("folds", ids, (), ())  # refuses repeated ids
    if not 1 <= count <= len(ids):
        raise DataError(f"{len(ids)} conversation(s) can't be dealt to {count} folds")
    ranked = draw(ids, len(ids), seed=seed)
    return tuple(tuple(sorted(ranked[number::count])) for number in range(count))


def draw(conversation_ids: Sequence[str], count: int, *, seed: int) -> tuple[str, ...]:
    """The `count` conversations of lowest hash rank: a draw without replacement that ignores the order of the ids."""
    return tuple(sorted(conversation_ids, key=lambda i: (hashlib.sha256(f"{seed}\n{i}".encode()).digest(), i))[:count])


def _by_rule(name: str, conversation_ids: Iterable[str], part_of: Callable[[str], str]) -> Split:
    parts = [(part_of(i), i) for i in conversation_ids]
    return by_parts(name, *([i for of, i in parts if of == part] for part in PARTS))


def _session(conversation_id: str) -> int:
    match = _SESSION.fullmatch(conversation_id)
    if match is None:
        raise DataError(f"IEMOCAP conversation id {conversation_id!r}: expected the form 'Ses01F_impro01', sessions 1 to 5")
    return int(match.group(1))


def _counts(name: str, total: int, shares: tuple[float, float, float]) -> list[int]:
    wanted = [index for index, share in enumerate(shares) if share > 0]
    if total < len(wanted):
        raise DataError(f"split {name!r}: {total} conversation(s) can't fill {len(wanted)} parts")
    exact = [share * total for share in shares]
    counts = [int(number) for number in exact]
    by_remainder = sorted(range(3), key=lambda index: counts[index] - exact[index])
    for index in by_remainder[: total - sum(counts)]:
        counts[index] += 1
    for index in wanted:
        if counts[index] == 0:
            counts[counts.index(max(counts))] -= 1
            counts[index] = 1
    return counts
