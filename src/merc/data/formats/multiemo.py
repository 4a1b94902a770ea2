"""MultiEMO's folder: `Speakers.pkl`, laid out as MMGCN's file, and one dictionary of vectors for each modality.

The vectors inside `Speakers.pkl` are not MultiEMO's; those of the three other files take their places.
"""

from __future__ import annotations

from dataclasses import replace

from merc.data.formats.cells import items_of, table_of
from merc.data.formats.draft import CorpusDraft, FeatureSlot
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.formats.vid_dictionaries import MMGCN_IEMOCAP, MMGCN_MELD, VidLayout

_SPEAKERS_FILE = "Speakers.pkl"
_FEATURE_FILES = {
    "TextFeatures.pkl": FeatureSlot("text", "multiemo", "EmoBERTa"),
    "AudioFeatures.pkl": FeatureSlot("audio", "multiemo", "openSMILE"),
    "VisualFeatures.pkl": FeatureSlot("visual", "multiemo", "VisExtNet"),
}
FILES: tuple[str, ...] = (_SPEAKERS_FILE, *_FEATURE_FILES)


def _draft(source: CorpusSource) -> CorpusDraft:
    fitting = _fitting(source)
    assert fitting is not None, "only what matches is read"
    vid_layout, content = fitting
    return vid_layout.draft(content)


def _fitting(source: CorpusSource) -> tuple[VidLayout, CorpusSource] | None:
    """The layout of the four files put together as one of MMGCN's, and that content; None if the files do not fit together."""
    files = table_of(source.content)
    if files is None or not source.path.is_dir() or any(name not in files for name in FILES):
        return None
    entries = items_of(files[_SPEAKERS_FILE])
    own = {slot.modality: (slot, files[name]) for name, slot in _FEATURE_FILES.items()}
    for known in (MMGCN_IEMOCAP, MMGCN_MELD):
        if entries is None or len(entries) != len(known.slots):
            continue
        pairs = [
            own[slot.modality] if isinstance(slot, FeatureSlot) else (slot, entry)
            for slot, entry in zip(known.slots, entries, strict=True)
        ]
        vid_layout = replace(known, name="multiemo", slots=tuple(slot for slot, _ in pairs))
        content = replace(source, content=[entry for _, entry in pairs])
        if vid_layout.matches(content):
            return vid_layout, content
    return None


LAYOUT = Layout(
    name="multiemo",
    description="folder of MultiEMO: Speakers.pkl, TextFeatures.pkl, AudioFeatures.pkl, VisualFeatures.pkl",
    matches=lambda source: _fitting(source) is not None,
    draft=_draft,
)
