"""The circulating files that are lists of dictionaries by conversation: what lies at each place, in whose files."""

from __future__ import annotations

from merc.data.formats.draft import FeatureSlot
from merc.data.formats.known_corpora import EMORYNLP, IEMOCAP, MELD
from merc.data.formats.layout import Layout
from merc.data.formats.vid_dictionaries import Slot, VidLayout

_UTTERANCES: tuple[Slot, ...] = ("ids", "speakers", "labels")
_TWO_LISTS: tuple[Slot, ...] = ("sentences", "train", "test")
# COSMIC's order: 1038, 280 and 114 dialogues in the MELD file, 659, 79 and 89 in the EmoryNLP file, which are those corpora's
# published sizes of train, test and validation.
_THREE_LISTS: tuple[Slot, ...] = ("sentences", "train", "test", "validation")
_MMGCN = tuple(FeatureSlot(modality, "mmgcn") for modality in ("text", "audio", "visual"))
_DIALOGUERNN = (FeatureSlot("text", "dialoguernn"), FeatureSlot("audio", "dialoguernn"))
_ROBERTA = tuple(FeatureSlot("text", f"roberta-R{i}", "RoBERTa-large") for i in (1, 2, 3, 4))
_SDT = (*_ROBERTA, FeatureSlot("audio", "sdt"), FeatureSlot("visual", "sdt"))

# The IEMOCAP file circulates with 100/1582/342 numbers an utterance (MMGCN) and with 100/100/512 (DialogueRNN): one layout.
MMGCN_IEMOCAP = VidLayout(
    "mmgcn-iemocap",
    "IEMOCAP_features.pkl of MMGCN, MM-DFN, M3NET, CORECT, DialogueRNN, DialogueGCN",
    IEMOCAP,
    (*_UTTERANCES, *_MMGCN, *_TWO_LISTS),
)
MMGCN_MELD = VidLayout(
    "mmgcn-meld",
    "MELD_features_raw1.pkl of MMGCN, MM-DFN, M3NET",
    MELD,
    (*_UTTERANCES, *_MMGCN, *_TWO_LISTS, "unused"),
)
VID_LAYOUTS = (
    MMGCN_IEMOCAP,
    MMGCN_MELD,
    VidLayout(
        "dialoguernn-meld",
        "MELD_features_raw.pkl of DialogueRNN: no visual vectors",
        MELD,
        (*_UTTERANCES, *_DIALOGUERNN, *_TWO_LISTS, "sentiments"),
    ),
    VidLayout(
        "sdt-iemocap",
        "iemocap_multimodal_features.pkl of SDT, GraphSmile, CFN-ESA",
        IEMOCAP,
        (*_UTTERANCES, *_SDT, *_TWO_LISTS),
    ),
    VidLayout("sdt-meld", "meld_multimodal_features.pkl of SDT", MELD, (*_UTTERANCES, *_SDT, *_TWO_LISTS, "unused")),
    VidLayout(
        "graphsmile-meld",
        "meld_multimodal_features.pkl of GraphSmile and CFN-ESA: with sentiments",
        MELD,
        (*_UTTERANCES, "sentiments", *_SDT, *_TWO_LISTS, "unused"),
    ),
    *(
        VidLayout(
            f"cosmic-{raw}{corpus.name}",
            f"{corpus.name}{'_features_roberta.pkl of COSMIC' if features else '.pkl of COSMIC: transcripts only'}",
            corpus,
            ("speakers", "labels", *(("sentiments",) if corpus is MELD else ()), *features, *_THREE_LISTS),
        )
        for raw, features in (("", _ROBERTA), ("raw-", ()))
        for corpus in (IEMOCAP, EMORYNLP, MELD)
    ),
)
LAYOUTS = tuple(Layout.drafted(known.name, known.description, known.matches, known.draft) for known in VID_LAYOUTS)
