"""Labels in dependent tiers of CHAT, such as `%emo:`; each is of the utterance that it stands below.

Without other words `%emo` and `%emotion` hold labels, and `%xemo` and `%xemotion`, since CLAN has tiers that it does not know begin
with x.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from merc.annotation.labelled.names import given_label, placeholder_warnings
from merc.annotation.labelled.transcript import LabelledFile, labelled_by_cue, numbered_cues
from merc.annotation.transcripts.annotation_files.chat import DependentTier, read_chat_tiers
from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.reading import read_text, transcripts_from
from merc.errors import DataError
from merc.files.printable import printable
from merc.files.validation import shorten

EMOTION_TIERS = ("emo", "emotion")


def read_labelled_chat(path: Path, wanted: Sequence[str] = ()) -> LabelledFile:
    """The conversation of a `.cha` file, and its labels.

    Args:
        path: of the file.
        wanted: names of the dependent tiers that hold labels, with or without `%`, one an annotator; none means `EMOTION_TIERS`.

    Raises:
        DataError: the file can't be read, two tiers may hold the labels, or one labels an utterance twice.
    """
    name, decoded = printable(path.name), read_text(path)
    cue_list, tiers = read_chat_tiers(decoded.text, name)
    names = tuple(dict.fromkeys(f"%{tier.code}" for tier in tiers))
    filled = [tier for tier in tiers if given_label(tier.text) is not None]
    kinds = dict.fromkeys(tier.code for tier in filled if any(_is_called(tier, word) for word in EMOTION_TIERS))
    if not wanted and len(kinds) > 1:
        listed = ", ".join(repr(shorten(printable(f"%{code}"))) for code in kinds)
        raise DataError(f"{name}: the tiers {listed} may hold labels; name those that do by --labels-from")
    words = tuple(wanted) or EMOTION_TIERS
    labels: list[dict[str, str]] = [{} for _ in cue_list.cues]
    used: set[str] = set()
    for tier in filled:
        for word in words:
            if not _is_called(tier, word):
                continue
            used.add(word)
            if labels[tier.cue].setdefault(_bare(word), tier.text) != tier.text:
                both = f"{shorten(repr(labels[tier.cue][_bare(word)]))} and {shorten(repr(tier.text))}"
                raise DataError(f"{name}, line {tier.line}: {both} label one utterance; keep one")
    if not used:
        return LabelledFile((), names)
    transcripts = transcripts_from(numbered_cues(cue_list), name, "a transcript in CHAT", decoded.warnings)
    warnings = list(placeholder_warnings(name, (tier.text for tier in tiers if any(_is_called(tier, word) for word in words))))
    conversations = tuple(labelled_by_cue(each, cue_list.cues, labels) for each in transcripts)
    lost = sum(map(len, labels)) - sum(len(each) for one in conversations for each in one.labels)
    if lost:
        warnings.append(f"{name}: {counted(lost, 'label is of a turn', 'labels are of turns')} without words, and so left out")
    return LabelledFile(conversations, names, frozenset(used), tuple(warnings))


def _bare(word: str) -> str:
    return word.removeprefix("%").removesuffix(":").casefold()


def _is_called(tier: DependentTier, word: str) -> bool:
    return tier.code.casefold() in (_bare(word), f"x{_bare(word)}")
