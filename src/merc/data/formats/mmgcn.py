"""Files of MMGCN, MM-DFN, M3NET, CORECT, DialogueRNN and DialogueGCN: text, audio and visual vectors, no validation part.

The IEMOCAP file circulates with 100/1582/342 numbers an utterance (MMGCN) and with 100/100/512 (DialogueRNN): one layout.
DialogueRNN's MELD file has no visual vectors, and as many entries as the IEMOCAP file.
"""

from __future__ import annotations

from merc.data.formats.draft import FeatureSlot
from merc.data.formats.known_corpora import IEMOCAP, MELD
from merc.data.formats.layout import Layout
from merc.data.formats.vid_dictionaries import VidLayout

TEXT, AUDIO, VISUAL = (FeatureSlot(modality, "mmgcn") for modality in ("text", "audio", "visual"))
MMGCN_IEMOCAP = VidLayout(
    name="mmgcn-iemocap",
    description="IEMOCAP_features.pkl of MMGCN, MM-DFN, M3NET, CORECT, DialogueRNN, DialogueGCN",
    corpus=IEMOCAP,
    slots=("ids", "speakers", "labels", TEXT, AUDIO, VISUAL, "sentences", "train", "test"),
)
MMGCN_MELD = VidLayout(
    name="mmgcn-meld",
    description="MELD_features_raw1.pkl of MMGCN, MM-DFN, M3NET",
    corpus=MELD,
    slots=("ids", "speakers", "labels", TEXT, AUDIO, VISUAL, "sentences", "train", "test", "unused"),
)
DIALOGUERNN_MELD = VidLayout(
    name="dialoguernn-meld",
    description="MELD_features_raw.pkl of DialogueRNN: no visual vectors",
    corpus=MELD,
    slots=(
        "ids",
        "speakers",
        "labels",
        FeatureSlot("text", "dialoguernn"),
        FeatureSlot("audio", "dialoguernn"),
        "sentences",
        "train",
        "test",
        "sentiments",
    ),
)
VID_LAYOUTS: tuple[VidLayout, ...] = (MMGCN_IEMOCAP, MMGCN_MELD, DIALOGUERNN_MELD)
LAYOUTS: tuple[Layout, ...] = tuple(vid_layout.layout() for vid_layout in VID_LAYOUTS)
