"""The files that labels are read from: by the end of their names, what reads each and what holds labels in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from merc.annotation.labelled.annotations import read_labelled_annotation
from merc.annotation.labelled.chat import read_labelled_chat
from merc.annotation.labelled.columns import read_labelled_table
from merc.annotation.labelled.tiers import read_labelled_tiers
from merc.annotation.labelled.transcript import LabelledFile
from merc.annotation.media.pairing import OWN


@dataclass(frozen=True, slots=True)
class LabelReader:
    """What reads labels.

    Attributes:
        ending: of the names of its files, in small letters.
        read: takes a path, and words that name what holds labels.
        holder: what holds labels, such as a tier.
        expected: what that is called if no words are given.
        fixed: whether nothing else can be named.
    """

    ending: str
    read: Callable[[Path, Sequence[str]], LabelledFile]
    holder: str
    expected: str
    fixed: bool = False


# In the order in which one is taken of several that say the same: the first tell times more exactly, and channels [chosen].
READERS = (
    LabelReader(f"{OWN}.json", read_labelled_annotation, "field", "'label' with something in it", fixed=True),
    LabelReader(".csv", read_labelled_table, "column", "'emotion' or 'label'"),
    LabelReader(".eaf", read_labelled_tiers, "tier", "'emotion'"),
    LabelReader(".textgrid", read_labelled_tiers, "tier", "'emotion'"),
    LabelReader(".exb", read_labelled_tiers, "tier", "'emotion'"),
    LabelReader(".cha", read_labelled_chat, "dependent tier", "'%emo' or '%emotion'"),
    LabelReader(".tsv", read_labelled_table, "column", "'emotion' or 'label'"),
)


def label_reader(path: Path) -> LabelReader | None:
    """What reads a file's labels; None where no labels are read from such files."""
    return next((reader for reader in READERS if path.name.lower().endswith(reader.ending)), None)
