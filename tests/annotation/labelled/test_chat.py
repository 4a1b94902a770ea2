"""Labels in dependent tiers of CHAT."""

from __future__ import annotations

import pytest

from annotation.labelled_files import labels_of, spoken
from merc.annotation.labelled.folder import import_labelled
from merc.errors import DataError

TALK = """@UTF8
@Begin
@Participants:\tKID Lena Target_Child , DAD Father
@Media:\tkitchen, audio
*KID:\tlook &*DAD:mhm at the bird . \x150_1500\x15
%mor:\tv|look prep|at det|the n|bird .
%{0}:\tvery
\thappy
*DAD:\tit was a crow ! \x152000_3000\x15
%{0}:\tcross \x152000_3000\x15
*KID:\txxx . \x153000_3500\x15
%{0}:\tsad
*KID:\tno ? \x154000_4500\x15
%{0}:\t?
*DAD:\tyes . \x155000_5500\x15
@End
"""


@pytest.mark.parametrize(
    ("tier", "wanted"),
    [
        ("emo", ()),
        ("emotion", ()),
        ("xemo", ()),
        ("xEmotion", ()),
        ("aff", ("aff",)),
        ("aff", ("%aff",)),
        ("xaff", ("%Aff:",)),
        ("xaff", ("xaff",)),
    ],
)
def test_a_label_is_of_the_utterance_above_it(tier, wanted, tmp_path):
    (tmp_path / "talk.cha").write_text(TALK.format(tier))
    found = import_labelled(tmp_path, wanted)
    assert spoken(found.corpus.conversations[0]) == [
        ("Lena", "look at the bird.", 0.0, 1.5),
        ("Father", "mhm", 0.0, 1.5),
        ("Father", "it was a crow!", 2.0, 3.0),
        ("Lena", "no?", 4.0, 4.5),
        ("Father", "yes.", 5.0, 5.5),
    ]
    assert labels_of(found.corpus) == [["very happy", None, "cross", None, None]]
    assert "talk.cha: 1 label is of a turn without words, and so left out" in found.warnings
    assert "talk.cha: 1 label such as ? is taken as none" in found.warnings


def test_several_annotators(tmp_path):
    text = "*KID:\tno .\n%a1:\tcalm\n%a2:\tcross\n*KID:\tyes .\n%a1:\tcalm\n%a2:\tcalm\n"
    (tmp_path / "talk.cha").write_text(text)
    found = import_labelled(tmp_path, ("a1", "a2"))
    assert labels_of(found.corpus) == [[None, "calm"]]
    assert found.agreement.annotators == ("a1", "a2")


@pytest.mark.parametrize(
    ("text", "wanted", "said"),
    [
        (
            TALK.format("mood"),
            (),
            r"no dependent tier of labels: expected one called '%emo' or '%emotion'; found: '%mor'",
        ),
        ("*KID:\tno .\n%emo:\ta\n*KID:\tso .\n%emotion:\tb\n", (), "talk.cha: the tiers '%emo', '%emotion' may hold labels"),
        ("*KID:\tno .\n%emo:\ta\n%xemo:\tb\n", ("emo",), "talk.cha, line 3: 'a' and 'b' label one utterance; keep one"),
        (TALK.format("emo"), ("emo", "aff"), "nothing is called 'aff'; found: '%mor', '%emo'"),
    ],
)
def test_what_can_not_be_read_is_refused(text, wanted, said, tmp_path):
    (tmp_path / "talk.cha").write_text(text)
    with pytest.raises(DataError, match=said):
        import_labelled(tmp_path, wanted)
