"""Files of SDT, GraphSmile and CFN-ESA: four RoBERTa-large vectors, audio and visual vectors, no validation part."""

from __future__ import annotations

from merc.data.formats.draft import FeatureSlot
from merc.data.formats.known_corpora import IEMOCAP, MELD
from merc.data.formats.layout import Layout
from merc.data.formats.vid_dictionaries import ROBERTA_SLOTS, Slot, VidLayout

_STREAMS: tuple[Slot, ...] = (*ROBERTA_SLOTS, FeatureSlot("audio", "sdt"), FeatureSlot("visual", "sdt"))
SDT_IEMOCAP = VidLayout(
    name="sdt-iemocap",
    description="iemocap_multimodal_features.pkl of SDT, GraphSmile, CFN-ESA",
    corpus=IEMOCAP,
    slots=("ids", "speakers", "labels", *_STREAMS, "sentences", "train", "test"),
)
SDT_MELD = VidLayout(
    name="sdt-meld",
    description="meld_multimodal_features.pkl of SDT",
    corpus=MELD,
    slots=("ids", "speakers", "labels", *_STREAMS, "sentences", "train", "test", "unused"),
)
GRAPHSMILE_MELD = VidLayout(
    name="graphsmile-meld",
    description="meld_multimodal_features.pkl of GraphSmile and CFN-ESA: with sentiments",
    corpus=MELD,
    slots=("ids", "speakers", "labels", "sentiments", *_STREAMS, "sentences", "train", "test", "unused"),
)
VID_LAYOUTS: tuple[VidLayout, ...] = (SDT_IEMOCAP, SDT_MELD, GRAPHSMILE_MELD)
LAYOUTS: tuple[Layout, ...] = tuple(vid_layout.layout() for vid_layout in VID_LAYOUTS)
