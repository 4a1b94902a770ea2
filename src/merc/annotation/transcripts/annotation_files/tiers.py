"""Which tiers of an annotation file hold speech, and whose: the rules that ELAN's and Praat's files share.

1. Tiers named `… words (merc)` are ours, and where there are any, they alone are read. Our tiers of emotion, probability and trust
   hold no speech.
2. A tier is no speech if its name, or its type's, says so (gesture, emotion, translation, gloss, phones, comment, …), or if its
   labels come from a controlled vocabulary.
3. A tier is speech if its name, or its type's, says so (utterance, text, transcription, speech, sentence, phrase, …). Nothing
   below it is read, so that no word is read twice. What divides a parent's annotations is joined again, one utterance a parent.
4. Where no tier says so, tiers without a parent are speech whose labels look like it: many of them have several words, and they
   differ.
   But where tiers of single words have more than twice as many words as those of rule 3 or 4, those are about speech, not speech.
5. Where none does, tiers of single words (`words`, or the only tier there is) are made into utterances by pauses.
6. Where that leaves a doubt, the file is refused with a list of its tiers: names and types as above make it plain.

All words (see `tier_names`) and numbers of these rules are [chosen].
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise

from merc.annotation.transcripts.annotation_files.tier_names import ANSWERS, NO_LABELS, kind_named, own_tier, speaker_named
from merc.annotation.transcripts.annotation_files.word_runs import joined_words
from merc.annotation.transcripts.cues import Cue
from merc.annotation.transcripts.words import clean
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

_PIECES = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_NO_BLANKS = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]{4}")
_SEVERAL_WORDS = 0.25  # share of a tier's labels, from which on it looks like speech
_DIFFERENT = 0.3  # share of different ones among at least _MANY labels, likewise
_MANY = 8
_LOOKED_AT = 500  # labels of a tier, by which it is told what it holds
_SINGLE_WORDS = 0.02  # share of labels of several words, up to which a tier of many holds single words
_LEAST_WORDS = 0.5  # of those in tiers of single words, that tiers of utterances have
_SAME_TIME = 0.8  # share of the time of two tiers, from which on both annotate the same stretches
_SHOWN, _MOST_LISTED = 12, 130  # tiers and characters in a message


@dataclass(frozen=True, slots=True)
class Stretch:
    """One annotation of a tier.

    Attributes:
        text: as it stands in the file.
        start, end: s, or None.
        parent: which annotation of the parent tier it belongs to, or None.
    """

    text: str
    start: float | None
    end: float | None
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Tier:
    """A tier.

    Attributes:
        name: of the tier.
        stretches: in the file's order, without empty ones.
        type_name: of the tier's type, or empty.
        speaker: as the file names it apart from the tier's name, or None.
        parent: the tier that it belongs to, or None.
        divides: whether several of its annotations divide one of the parent's.
        from_list: whether its labels come from a controlled vocabulary.
    """

    name: str
    stretches: Sequence[Stretch]
    type_name: str = ""
    speaker: str | None = None
    parent: str | None = None
    divides: bool = False
    from_list: bool = False


def spoken_cues(tiers: Sequence[Tier], name: str, named: Sequence[str] = ()) -> tuple[list[Cue], list[str]]:
    """What is said in the tiers that hold speech, in order of time, and warnings of what is not read.

    Args:
        tiers: of the file, in its order.
        name: of the file, for errors.
        named: names of the tiers that hold speech; with any, no rule is asked.

    Raises:
        DataError: no tier has one of these names; without names, it can't be told which tiers hold speech.
    """
    if named:
        return _in_order(_cues_of_named(tiers, name, named)), []
    own = [(tier, found) for tier in tiers if (found := own_tier(tier.name)) is not None]
    others = [tier for tier in tiers if own_tier(tier.name) is None and _labels(tier)]
    if any(found.what == "words" for _, found in own):
        last = max(found.run for _, found in own if found.what == "words")
        words = [(tier, found) for tier, found in own if found.what == "words" and found.run == last]
        cues = [cue for tier, found in words for cue in _cues(tier, tier.speaker or found.speaker, own=True)]
        return _in_order(cues), _unread_warnings(others)
    chosen, single_words = _chosen(others, name)
    speakers = _speakers(chosen)
    _refuse_doubles(chosen, speakers, others, name)
    cues = list[Cue]()
    for tier in chosen:
        found = _cues(tier, speakers[id(tier)])
        cues += joined_words(list(found)) if not tier.divides and (single_words or _holds_single_words(tier)) else found
    parents = _parents(tiers)
    read = {each for tier in chosen for each in (tier.name, *_ancestors(tier.name, parents))}
    return _in_order(cues), _unread_warnings([tier for tier in others if tier.name not in read])


def named_ones(names: Sequence[str], named: Sequence[str], name: str) -> list[int]:
    """Places of the tiers that have one of these names.

    Args:
        names: of the file's tiers, in its order.
        named: those that are looked for.
        name: of the file, for errors.

    Raises:
        DataError: no tier has one of them.
    """
    missing = [one for one in dict.fromkeys(named) if one not in names]
    if missing:
        raise DataError(f"{name}: no tier is called {_listed(missing)}. Tiers: {_listed(names) or 'none'}")
    return [place for place, one in enumerate(names) if one in named]


def _cues_of_named(tiers: Sequence[Tier], name: str, named: Sequence[str]) -> list[Cue]:
    """What is said in the tiers of these names, whatever else they look like."""
    chosen = [tiers[place] for place in named_ones([tier.name for tier in tiers], named, name)]
    labels = [label for tier in chosen for label in tier.stretches]
    single_words = sum(map(_several_words, chosen)) == 0 and len(labels) > 1
    speakers = _speakers(chosen)
    cues: list[Cue] = []
    for tier in chosen:
        own = own_tier(tier.name)
        speaker = speakers[id(tier)] if own is None else tier.speaker or own.speaker
        found = list(_cues(tier, speaker, own is not None))
        joins = own is None and not tier.divides and (single_words or _holds_single_words(tier))
        cues += joined_words(found) if joins else found
    return cues


def _unread_warnings(tiers: Sequence[Tier]) -> list[str]:
    """A warning if tiers that are not read look as if somebody spoke in them."""
    names = [tier.name for tier in tiers if tier.parent is None and _may_be(tier)]
    return [f"not read as speech, by name or type of the tier: {_listed(names)}"] if names else []


def _chosen(tiers: Sequence[Tier], name: str) -> tuple[list[Tier], bool]:
    """The tiers that hold speech, and whether they hold single words."""
    parents = _parents(tiers)
    kinds = [(tier, _kind(tier)) for tier in tiers]
    if not any(kind == "utterances" for _, kind in kinds):  # what is called words may be what somebody says
        kinds = [(t, "utterances" if kind == "words" and _several_words(t) > _SEVERAL_WORDS else kind) for t, kind in kinds]
    least = _LEAST_WORDS * _words_of(tier for tier, kind in kinds if kind == "words")
    if _words_of(tier for tier, kind in kinds if kind == "utterances") < least:  # they name turns, and do not write them down
        kinds = [(tier, "other" if kind == "utterances" else kind) for tier, kind in kinds]
    said = {tier.name for tier, kind in kinds if kind == "utterances"}
    chosen = [tier for tier, kind in kinds if kind == "utterances" and not said.intersection(_ancestors(tier.name, parents))]
    unknown = [tier for tier, kind in kinds if kind == "unknown" and tier.parent is None]
    spoken = [tier for tier in unknown if _looks_spoken(tier)]
    if _words_of(spoken) < least:
        spoken = []
    if chosen:
        types = {tier.type_name for tier in chosen if tier.parent is None} - {""}
        above = {ancestor for tier in chosen for ancestor in _ancestors(tier.name, parents)}
        return _taken(tiers, chosen, [t for t in unknown if t.type_name in types and t.name not in above and _may_be(t)]), False
    if spoken:
        types = {tier.type_name for tier in spoken} - {"", "default", "default-lt"}
        short = _without(unknown, spoken)
        more = [tier for tier in short if tier.type_name in types or _answers(tier)]
        if len(more) < len(short):
            raise _doubt(tiers, name)
        return _taken(tiers, spoken, more), False
    words = [tier for tier, kind in kinds if kind == "words"]
    if words:
        below = {tier.name for tier in words}
        return [tier for tier in words if not below.intersection(_ancestors(tier.name, parents))], True
    if len(unknown) == 1 and (_differs(unknown[0]) or _answers(unknown[0])):
        return unknown, True
    if tiers:
        raise _doubt(tiers, name)
    return [], False


def _taken(tiers: Sequence[Tier], *parts: Sequence[Tier]) -> list[Tier]:
    """The tiers of the parts, in the file's order."""
    ids = {id(tier) for part in parts for tier in part}
    return [tier for tier in tiers if id(tier) in ids]


def _without(tiers: Sequence[Tier], others: Sequence[Tier]) -> list[Tier]:
    ids = {id(tier) for tier in others}
    return [tier for tier in tiers if id(tier) not in ids]


def _parents(tiers: Sequence[Tier]) -> dict[str, str | None]:
    return {tier.name: tier.parent for tier in reversed(tiers)}


def _kind(tier: Tier) -> str:
    return "other" if tier.from_list else kind_named(tier.name, tier.type_name)


def _words_of(tiers: Iterable[Tier]) -> int:
    """How many words there are in all of the tiers."""
    return sum(len(stretch.text.split()) for tier in tiers for stretch in tier.stretches)


def _labels(tier: Tier) -> list[str]:
    """What a tier says, or of many labels some from all over it."""
    some = tier.stretches[:: len(tier.stretches) // _LOOKED_AT + 1]
    return [label for stretch in some if (label := stretch.text.strip()) and label.casefold() not in NO_LABELS]


def _several_words(tier: Tier) -> float:
    labels = _labels(tier)
    several = sum(len(_PIECES.findall(label)) > 1 or _NO_BLANKS.search(label) is not None for label in labels)
    return several / max(len(labels), 1)


def _differs(tier: Tier) -> bool:
    labels = _labels(tier)
    return len(labels) < _MANY or len(set(labels)) >= _DIFFERENT * len(labels)


def _looks_spoken(tier: Tier) -> bool:
    return _several_words(tier) >= _SEVERAL_WORDS and _differs(tier)


def _holds_single_words(tier: Tier) -> bool:
    return not tier.divides and len(tier.stretches) >= _MANY and _several_words(tier) <= _SINGLE_WORDS


def _may_be(tier: Tier) -> bool:
    return _looks_spoken(tier) or _answers(tier)


def _answers(tier: Tier) -> bool:
    """Whether all labels are short answers, as of somebody who listens."""
    return all(word.casefold() in ANSWERS for label in _labels(tier) for word in _PIECES.findall(label))


def _ancestors(name: str, parents: Mapping[str, str | None]) -> list[str]:
    found: list[str] = []
    above = parents.get(name)
    while above is not None and above not in found and len(found) < 100:
        found.append(above)
        above = parents.get(above)
    return found


def _speakers(tiers: Sequence[Tier]) -> dict[int, str | None]:
    """Id of a tier -> who speaks in it: the participant, or what the tier's name says besides that it is speech."""
    found = {id(tier): clean(tier.speaker or "") or speaker_named(tier.name) for tier in tiers}
    if len(tiers) > 1:
        found = {id(tier): found[id(tier)] or clean(tier.name) or None for tier in tiers}
    return found


def _cues(tier: Tier, speaker: str | None, own: bool = False) -> Iterator[Cue]:
    """The tier's annotations; those that divide one of the parent's are joined. In our `own` tiers, every label is what is said."""
    if not tier.divides:
        for stretch in tier.stretches:
            if own or stretch.text.strip().casefold() not in NO_LABELS:
                yield Cue(stretch.text, speaker, stretch.start, stretch.end)
        return
    group: list[Stretch] = []
    for stretch in tier.stretches:
        if not own and stretch.text.strip().casefold() in NO_LABELS:
            continue
        if group and (stretch.parent is None or stretch.parent != group[-1].parent):
            yield _joined(group, speaker)
            group = []
        group.append(stretch)
    if group:
        yield _joined(group, speaker)


def _joined(group: Sequence[Stretch], speaker: str | None) -> Cue:
    if len(group) == 1:
        return Cue(group[0].text, speaker, group[0].start, group[0].end)
    return Cue(" ".join(stretch.text.strip() for stretch in group), speaker, group[0].start, group[-1].end)


def _in_order(cues: Iterable[Cue]) -> list[Cue]:
    """By their starts; those without one stay behind the one before them."""
    keyed: list[tuple[float, Cue]] = []
    reached = 0.0
    for cue in cues:
        reached = reached if cue.start is None else cue.start
        keyed.append((reached, cue))
    return [cue for _, cue in sorted(keyed, key=lambda pair: pair[0])]


def _refuse_doubles(chosen: Sequence[Tier], speakers: Mapping[int, str | None], tiers: Sequence[Tier], name: str) -> None:
    """Raises DataError if two tiers of one speaker, or two without one of their own, annotate the same stretches."""
    first: dict[tuple[tuple[float | None, float | None], ...], Tier] = {}
    of_speaker: dict[str | None, list[Tier]] = {}
    for tier in chosen:
        spans = tuple((stretch.start, stretch.end) for stretch in tier.stretches)
        other = first.setdefault(spans, tier)
        if other is not tier and not (tier.speaker and other.speaker and tier.speaker != other.speaker):
            raise _doubt(tiers, name, f"{_shown(other)} and {_shown(tier)} annotate the same stretches")
        of_speaker.setdefault(speakers[id(tier)], []).append(tier)
    for same in of_speaker.values():
        for one, two in pairwise(same):
            if _shared(one, two) >= _SAME_TIME:
                raise _doubt(tiers, name, f"{_shown(one)} and {_shown(two)} annotate the same stretches")


def _shared(one: Tier, two: Tier) -> float:
    """The time that both annotate, as a share of the shorter one's."""
    spans = [
        sorted((s.start, s.end) for s in tier.stretches if s.start is not None and s.end is not None and s.start < s.end)
        for tier in (one, two)
    ]
    total = min(sum(end - start for start, end in each) for each in spans)
    if not total:
        return 0.0
    common, i, j = 0.0, 0, 0
    while i < len(spans[0]) and j < len(spans[1]):
        (start, end), (other_start, other_end) = spans[0][i], spans[1][j]
        common += max(0.0, min(end, other_end) - max(start, other_start))
        if end <= other_end:
            i += 1
        else:
            j += 1
    return common / total


def _doubt(tiers: Sequence[Tier], name: str, why: str = "it can't be told which tiers hold speech") -> DataError:
    how = "say which hold words (--tiers NAME), or name those with 'utterance', others with 'gesture', 'translation' or the like"
    return DataError(f"{name}: {why}; {how}. Tiers: {_listed(tier.name for tier in tiers)}")


def _shown(tier: Tier) -> str:
    return repr(shorten(printable(tier.name)))


def _listed(names: Iterable[str]) -> str:
    """Names in quotes, as many as a message has room for."""
    listed = ", ".join(repr(shorten(printable(name))) for name in islice(names, _SHOWN))
    return listed if len(listed) <= _MOST_LISTED else listed[: _MOST_LISTED - 1] + "…"
