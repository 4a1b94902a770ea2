"""Labels in tiers of ELAN's, Praat's and EXMARaLDA's files.

Our own tiers of emotions are known by their names. Otherwise those are taken whose names have the wanted words in them, `emotion`
if nothing else is wanted. They hold no speech, whatever they look like, so words are read without them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from merc.annotation.labelled.matching import LabelInterval, TimedUtterance, matched
from merc.annotation.labelled.names import EMOTIONS, LabelName, beside, given_label, label_name, placeholder_warnings
from merc.annotation.labelled.transcript import LabelledFile, LabelledTranscript
from merc.annotation.transcripts.annotation_files.elan import EAF, EAF_ROOT, linked_media, read_tiers
from merc.annotation.transcripts.annotation_files.exmaralda import EXB, EXB_ROOT, exb_cues, exb_tiers
from merc.annotation.transcripts.annotation_files.textgrid import TEXTGRID, interval_tiers
from merc.annotation.transcripts.annotation_files.tier_names import OwnTier, own_tier
from merc.annotation.transcripts.annotation_files.tiers import Tier, spoken_cues
from merc.annotation.transcripts.cues import CueList, LinkedMedium, counted
from merc.annotation.transcripts.reading import read_text, transcripts_from
from merc.annotation.transcripts.transcript import Transcript
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.strict_xml import parse_xml
from merc.files.validation import shorten

_MOST_UNMATCHED = 0.5  # of the labels, above which a file is refused [chosen]
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class _TierFile:
    """A file of tiers.

    Attributes:
        what: its format, for errors.
        tiers: all of them.
        speech: what is said in it, without the tiers of the given names.
    """

    what: str
    tiers: Sequence[Tier]
    speech: Callable[[Collection[str]], CueList]


def read_labelled_tiers(path: Path, wanted: Sequence[str] = ()) -> LabelledFile:
    """The conversation of a `.eaf`, `.TextGrid` or `.exb` file, and its labels.

    Args:
        path: of the file.
        wanted: words of the names of the tiers that hold labels; none means our own tiers of emotions, or else `emotion`.

    Raises:
        DataError: the file can't be read, it can't be told which tiers hold labels or speech, or most labels fit no utterance.
    """
    name, decoded = printable(path.name), read_text(path)
    file = _opened(path.suffix.lower(), decoded.text, name)
    names = tuple(dict.fromkeys(tier.name for tier in file.tiers))
    words = _wanted(file.tiers, wanted, name)
    of_labels = {each for each in names for word in words if beside(_plain(each), word) is not None}
    tiers = [tier for tier in file.tiers if tier.name in of_labels]
    if not any(stretch.text.strip() for tier in tiers for stretch in tier.stretches):
        return LabelledFile((), names)
    (transcript,) = transcripts_from(file.speech(of_labels), name, file.what, decoded.warnings)
    return _with_labels(transcript, tiers, words, names, name)


def _opened(suffix: str, text: str, name: str) -> _TierFile:
    if suffix == ".exb":
        document = parse_xml(text, name, EXB_ROOT, EXB)
        return _TierFile(EXB, exb_tiers(document, name), lambda without: exb_cues(document, name, without))
    media: tuple[LinkedMedium, ...] = ()
    if suffix == ".eaf":
        root = parse_xml(text, name, EAF_ROOT, EAF)
        what, tiers, media = EAF, read_tiers(root, name)[0], linked_media(root)
    else:
        what, tiers = TEXTGRID, interval_tiers(text, name)

    def speech(without: Collection[str]) -> CueList:
        cues, warnings = spoken_cues([tier for tier in tiers if tier.name not in without], name)
        return CueList(tuple(cues), tuple(warnings), media=media)

    return _TierFile(what, tiers, speech)


def _wanted(tiers: Sequence[Tier], wanted: Sequence[str], name: str) -> tuple[str, ...]:
    """The words that name tiers of labels in this file."""
    if wanted:
        return tuple(wanted)
    own: dict[int, None] = {}
    others: list[str] = []
    for tier in tiers:
        found = own_tier(tier.name)
        if found is not None and found.what == "emotion":
            own[found.run] = None
        elif found is None and tier.stretches and any(beside(tier.name, word) is not None for word in EMOTIONS):
            others.append(tier.name)
    if not own:
        return EMOTIONS
    ours = tuple(OwnTier(None, "emotion", run=run).name() for run in own)
    if others or len(ours) > 1:
        found = ", ".join(repr(shorten(printable(each))) for each in (*ours, *others)[:_SHOWN])
        raise DataError(f"{name} has several kinds of emotion tiers: {found}; name those that hold the labels by --labels-from")
    return ours


def _plain(name: str) -> str:
    """The name of a tier of ours without the layer."""
    own = own_tier(name)
    return name if own is None else OwnTier(own.speaker, own.what, run=own.run).name()


def _with_labels(
    transcript: Transcript, tiers: Sequence[Tier], wanted: Sequence[str], names: tuple[str, ...], name: str
) -> LabelledFile:
    speakers = {u.speaker for u in transcript.utterances if u.speaker is not None}
    timed = [
        TimedUtterance(place, u.speaker, u.start, u.end)
        for place, u in enumerate(transcript.utterances)
        if u.start is not None and u.end is not None
    ]
    intervals: dict[str, list[LabelInterval]] = {}
    used: set[str] = set()
    read: list[Tier] = []
    untimed = total = 0
    for tier in tiers:
        for word in wanted:
            found = _label_tier(tier, word, speakers, len(wanted) == 1 or wanted == EMOTIONS)
            if found is None:
                continue
            used.add(word)
            read.append(tier)
            for stretch in tier.stretches:
                label = given_label(stretch.text)
                total += label is not None
                if label is None:
                    continue
                if stretch.start is None or stretch.end is None:
                    untimed += 1
                else:
                    interval = LabelInterval(stretch.start, stretch.end, label, found.speaker)
                    intervals.setdefault(found.annotator, []).append(interval)
            break
    labels: list[dict[str, str]] = [{} for _ in transcript.utterances]
    unmatched = untimed
    for annotator, given in intervals.items():
        try:
            of_places, missed = matched(timed, given)
        except DataError as error:
            raise DataError(f"{name}: {error}") from error
        unmatched += missed
        for place, label in of_places.items():
            labels[place][annotator] = label
    warnings: list[str] = []
    if unmatched:
        which = f"{unmatched} of {counted(total, 'label', 'labels')}"
        fits = "fits" if unmatched == 1 else "fit"
        if unmatched > _MOST_UNMATCHED * total:
            tiers_shown = ", ".join(repr(shorten(printable(tier.name))) for tier in tiers[:_SHOWN])
            raise DataError(f"{name}: {which} {fits} no utterance by time; the labels are of the tiers {tiers_shown}")
        warnings.append(f"{name}: {which} {fits} no utterance by time, and so {'is' if unmatched == 1 else 'are'} left out")
    warnings += placeholder_warnings(name, (stretch.text for tier in read for stretch in tier.stretches))
    return LabelledFile((LabelledTranscript(transcript, tuple(labels)),), names, frozenset(used), tuple(warnings))


def _label_tier(tier: Tier, word: str, speakers: set[str], alone: bool) -> LabelName | None:
    own = own_tier(tier.name)
    if own is not None:
        if beside(_plain(tier.name), word) is None:
            return None
        named = own.speaker or tier.speaker
        return LabelName(tier.name, word, named if named in speakers else None)
    found = label_name(tier.name, word, speakers, alone)
    if found is not None and found.speaker is None and tier.speaker in speakers:
        return LabelName(found.name, found.annotator, tier.speaker)
    return found
