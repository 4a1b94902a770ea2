"""Labels in tiers of EXMARaLDA."""

from __future__ import annotations

import pytest

from annotation.labelled_files import labels_of, spoken
from merc.annotation.labelled.folder import import_labelled
from merc.errors import DataError

TIMES = (0.0, 2.0, 4.0, 5.0)
SAID = (("S0", "v", "t", "ANN [v]", (0, 1, "we went home. "), (2, 3, "And then? ")), ("S1", "v", "t", "BEN [v]", (1, 2, "Not I. ")))


def document(*tiers):
    people = "".join(f'<speaker id="S{n}"><abbreviation>{who}</abbreviation></speaker>' for n, who in enumerate(("ANN", "BEN")))
    line = "".join(f'<tli id="T{n}" time="{time}"/>' for n, time in enumerate(TIMES))
    body = ""
    for number, (speaker, category, kind, shown, *events) in enumerate((*SAID, *tiers)):
        told = "".join(f'<event start="T{first}" end="T{last}">{text}</event>' for first, last, text in events)
        by = f' speaker="{speaker}"' if speaker else ""
        name = f' display-name="{shown}"' if shown else ""
        body += f'<tier id="TIE{number}"{by} category="{category}" type="{kind}"{name}>{told}</tier>'
    return (
        f'<?xml version="1.0"?><basic-transcription><head><meta-information><referenced-file url="talk.wav"/></meta-information>'
        f"<speakertable>{people}</speakertable></head><basic-body><common-timeline>{line}</common-timeline>{body}</basic-body>"
        "</basic-transcription>"
    )


ANN, BEN = ((0, 1, "calm"), (2, 3, "?")), ((1, 2, "cross"),)


@pytest.mark.parametrize(
    ("tiers", "wanted"),
    [
        ([("S0", "emotion", "a", "ANN [emotion]", *ANN), ("S1", "emotion", "a", "BEN [emotion]", *BEN)], ()),
        ([("S0", "emotion", "a", "ANN", *ANN), ("S1", "emotion", "a", "BEN", *BEN)], ()),
        ([("S0", "emotion", "a", "", *ANN), ("S1", "emotion", "d", "", *BEN)], ()),
        ([("", "Emotion", "d", "[Emotion]", ANN[0], *BEN)], ()),
        ([("S0", "mood", "t", "ANN [mood]", *ANN), ("S1", "mood", "t", "BEN [mood]", *BEN)], ("mood",)),
        ([("S0", "x", "a", "how ANN felt", *ANN), ("S1", "x", "a", "how BEN felt", *BEN)], ("felt",)),
    ],
)
def test_tiers_of_labels(tiers, wanted, tmp_path):
    (tmp_path / "talk.exb").write_text(document(*tiers))
    found = import_labelled(tmp_path, wanted)
    (conversation,) = found.corpus.conversations
    assert spoken(conversation) == [
        ("ANN", "we went home.", 0.0, 2.0),
        ("BEN", "Not I.", 2.0, 4.0),
        ("ANN", "And then?", 4.0, 5.0),
    ]
    assert labels_of(found.corpus) == [["calm", "cross", None]]
    placeholders = ["talk.exb: 1 label such as ? is taken as none"] if ANN[1] in tiers[0] else []
    assert [each for each in found.warnings if "label" in each and "recording" not in each] == placeholders


def test_a_file_without_such_tiers_is_refused(tmp_path):
    (tmp_path / "talk.exb").write_text(document(("S0", "mood", "a", "ANN", *ANN)))
    with pytest.raises(DataError, match=r"talk.exb has no tier of labels: expected one called 'emotion'; found: 'ANN \[v\]', 'BEN"):
        import_labelled(tmp_path)
