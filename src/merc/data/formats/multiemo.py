"""MultiEMO's folder: `Speakers.pkl`, laid out as MMGCN's file, and one dictionary of vectors for each modality.

The vectors inside `Speakers.pkl` are not MultiEMO's; those of the three other files take their places.
"""

from __future__ import annotations

from dataclasses import replace

from merc.data.formats.cells import items_of, table_of
from merc.data.formats.draft import CorpusDraft, FeatureSlot, corpus_from
from merc.data.formats.layout import Layout, Source
from merc.data.formats.mmgcn import MMGCN_IEMOCAP, MMGCN_MELD
from merc.data.formats.vid_dictionaries import VidLayout
from merc.data.schema import Corpus
from merc.errors import DataError

SPEAKERS_FILE = "Speakers.pkl"
FEATURE_FILES: dict[str, FeatureSlot] = {
    "TextFeatures.pkl": FeatureSlot("text", "multiemo", "EmoBERTa"),
    "AudioFeatures.pkl": FeatureSlot("audio", "multiemo", "openSMILE"),
    "VisualFeatures.pkl": FeatureSlot("visual", "multiemo", "VisExtNet"),
}
FILES: tuple[str, ...] = (SPEAKERS_FILE, *FEATURE_FILES)


def _with_own_features(vid_layout: VidLayout) -> VidLayout:
    own = {slot.modality: slot for slot in FEATURE_FILES.values()}
    slots = tuple(own[slot.modality] if isinstance(slot, FeatureSlot) else slot for slot in vid_layout.slots)
    return replace(vid_layout, name="multiemo", slots=slots)


_VARIANTS: tuple[VidLayout, ...] = (_with_own_features(MMGCN_IEMOCAP), _with_own_features(MMGCN_MELD))


def matches(source: Source) -> bool:
    """Whether the source is a folder with the four pickles, which fit together."""
    return _fitting(source) is not None


def draft(source: Source) -> CorpusDraft:
    """All that can be read.

    Raises:
        DataError: the four files do not fit together.
    """
    fitting = _fitting(source)
    if fitting is None:
        raise DataError(f"{source.path}: no MultiEMO folder; it holds {', '.join(FILES)}, whose entries are those of MMGCN's files")
    vid_layout, content = fitting
    return vid_layout.draft_content(content, source.path)


def read(source: Source) -> Corpus:
    """The corpus.

    Raises:
        DataError: names the folder and the conversation.
    """
    return corpus_from(draft(source), source.path)


def _fitting(source: Source) -> tuple[VidLayout, list[object]] | None:
    files = table_of(source.content)
    if files is None or not source.path.is_dir() or any(name not in files for name in FILES):
        return None
    entries = items_of(files[SPEAKERS_FILE])
    for vid_layout in _VARIANTS:
        if entries is None or len(entries) != len(vid_layout.slots):
            continue
        content = list(entries)
        for name, slot in FEATURE_FILES.items():
            content[vid_layout.slots.index(slot)] = files[name]
        if vid_layout.matches_content(content):
            return vid_layout, content
    return None


LAYOUT = Layout(
    name="multiemo",
    description="folder of MultiEMO: Speakers.pkl, TextFeatures.pkl, AudioFeatures.pkl, VisualFeatures.pkl",
    matches=matches,
    read=read,
)
