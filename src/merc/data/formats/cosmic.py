"""COSMIC's files: transcripts, with or without four RoBERTa-large vectors, and three lists of conversations.

The lists come in the order train, test, validation: in the MELD file they hold 1038, 280 and 114 dialogues, in the EmoryNLP file
659, 79 and 89, which are those corpora's published sizes in that order.
"""

from __future__ import annotations

from merc.data.formats.known_corpora import EMORYNLP, IEMOCAP, MELD
from merc.data.formats.layout import Layout
from merc.data.formats.vid_dictionaries import ROBERTA_SLOTS, Slot, VidLayout

_LISTS: tuple[Slot, ...] = ("train", "test", "validation")
COSMIC_IEMOCAP = VidLayout(
    name="cosmic-iemocap",
    description="iemocap_features_roberta.pkl of COSMIC",
    corpus=IEMOCAP,
    slots=("speakers", "labels", *ROBERTA_SLOTS, "sentences", *_LISTS),
)
COSMIC_EMORYNLP = VidLayout(
    name="cosmic-emorynlp",
    description="emorynlp_features_roberta.pkl of COSMIC",
    corpus=EMORYNLP,
    slots=("speakers", "labels", *ROBERTA_SLOTS, "sentences", *_LISTS),
)
COSMIC_MELD = VidLayout(
    name="cosmic-meld",
    description="meld_features_roberta.pkl of COSMIC",
    corpus=MELD,
    slots=("speakers", "labels", "sentiments", *ROBERTA_SLOTS, "sentences", *_LISTS),
)
COSMIC_RAW_IEMOCAP = VidLayout(
    name="cosmic-raw-iemocap",
    description="iemocap.pkl of COSMIC: transcripts only",
    corpus=IEMOCAP,
    slots=("speakers", "labels", "sentences", *_LISTS),
)
COSMIC_RAW_EMORYNLP = VidLayout(
    name="cosmic-raw-emorynlp",
    description="emorynlp.pkl of COSMIC: transcripts only",
    corpus=EMORYNLP,
    slots=("speakers", "labels", "sentences", *_LISTS),
)
COSMIC_RAW_MELD = VidLayout(
    name="cosmic-raw-meld",
    description="meld.pkl of COSMIC: transcripts only",
    corpus=MELD,
    slots=("speakers", "labels", "sentiments", "sentences", *_LISTS),
)
VID_LAYOUTS: tuple[VidLayout, ...] = (
    COSMIC_IEMOCAP,
    COSMIC_EMORYNLP,
    COSMIC_MELD,
    COSMIC_RAW_IEMOCAP,
    COSMIC_RAW_EMORYNLP,
    COSMIC_RAW_MELD,
)
LAYOUTS: tuple[Layout, ...] = tuple(vid_layout.layout() for vid_layout in VID_LAYOUTS)
