"""Labels that people gave or corrected, in tiers and columns, become corpora."""

from __future__ import annotations

import csv
import io
from xml.etree import ElementTree

import pytest

from annotation.invented import annotation, utterance, with_utterances
from annotation.labelled_files import ROWS, TURNS, labels_of, of, put, spoken, talk
from merc.annotation.export.elan import eaf_text
from merc.annotation.export.tabular import tsv_text
from merc.annotation.export.textgrid import textgrid_text
from merc.annotation.labelled.agreement import agreement, majority
from merc.annotation.labelled.folder import import_labelled, may_be_labelled
from merc.annotation.labelled.matching import LabelInterval, TimedUtterance, matched
from merc.annotation.labelled.names import LabelName, label_name
from merc.cli import main
from merc.data.labels import LabelMapping
from merc.data.store.store import open_store
from merc.errors import DataError


def recorded():
    """Turns that overlap within a speaker, too, and a speaker without a name."""
    rows = [*TURNS, ("Mia", "and the sugar", 6.5, 7.125), (None, "hello from the door", 8.5, 9.0)]
    emotions = ("joy", "anger", "joy", "neutral", "fear", "joy")
    rows = [*zip(rows, emotions, strict=True), (("Mia", "wait the lid is loose", 6.25, 9.75), "sadness")]
    rows.sort(key=lambda row: row[0][2])
    judged = [utterance(n, who, words, emotion, a, b) for n, ((who, words, a, b), emotion) in enumerate(rows)]
    return with_utterances(annotation(), judged)


def corrected_eaf(whole):
    root = ElementTree.fromstring(eaf_text(whole).encode())
    for tier in root.findall("TIER"):
        if "emotion" in tier.get("TIER_ID"):
            for value in tier.iter("ANNOTATION_VALUE"):
                value.text = {"joy": "delight", "neutral": ""}.get(value.text, value.text)
    return ElementTree.tostring(root, encoding="unicode")


def corrected_textgrid(whole):
    return textgrid_text(whole).replace('"joy"', '"delight"').replace('"neutral"', '""')


def corrected_table(whole, text, delimiter):
    header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    place = header.index("emotion")
    for row in rows:
        row[place] = {"joy": "delight", "neutral": ""}.get(row[place], row[place])
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([header, *rows])
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("talk.emotions.eaf", corrected_eaf),
        ("talk.emotions.TextGrid", corrected_textgrid),
        ("talk.emotions.tsv", lambda whole: corrected_table(whole, tsv_text(whole), "\t")),
        ("talk.emotions.csv", lambda whole: corrected_table(whole, whole.to_csv(), ",")),
    ],
)
def test_what_we_wrote_and_a_person_corrected_comes_back(name, written, tmp_path):
    whole = recorded()
    (tmp_path / name).write_text(written(whole), encoding="utf-8")
    corpus = import_labelled(tmp_path).corpus
    (found,) = corpus.conversations
    assert found.id == "talk"
    key = lambda row: (row[2], row[1])  # noqa: E731
    expected = [
        (u.speaker or "speaker", u.words, u.start, u.end, {"joy": "delight", "neutral": None}.get(u.emotion, u.emotion))
        for u in whole.utterances
    ]
    read = [(*row, u.label) for row, u in zip(spoken(found), found.utterances, strict=True)]
    for one, two in zip(sorted(read, key=key), sorted(expected, key=key), strict=True):
        assert (one[0], one[1], one[4]) == (two[0], two[1], two[4])
        assert one[2:4] == pytest.approx(two[2:4], abs=0.001)
    assert corpus.label_set.names == ("anger", "delight", "fear", "sadness")


BOTH = [["calm", "cross", None, "calm"]]


@pytest.mark.parametrize(
    ("tiers", "wanted"),
    [
        ({"Mia_emotion": of("Mia", ["calm", ""]), "Odo_emotion": of("Odo", ["cross", "calm"])}, ()),
        ({"emotion": of(None, ["calm", "cross", "", "calm"])}, ()),
        ({"Emotions": of(None, ["calm ", "cross", "?", " calm"])}, ()),
        ({"emotion_(Odo)": of("Odo", ["cross", "calm"]), "emotion_(Mia)": of("Mia", ["calm", ""])}, ()),
        ({"Mia_emotion_(merc)": of("Mia", ["calm", ""]), "Odo_emotion_(merc)": of("Odo", ["cross", "calm"])}, ()),
        ({"how_it_felt": of(None, ["calm", "cross", "", "calm"]), "emotion": of(None, ["x", "x", "x", "x"])}, ("how it felt",)),
        ({"Mia-tone": of("Mia", ["calm", ""]), "tone@Odo": of("Odo", ["cross", "calm"])}, ("Tone",)),
        ({"emotion": [(0.1, 1.9, "calm"), (2.0, 4.2, "cross"), (6.2, 7.9, "calm")]}, ()),  # drawn by hand
        (
            {
                "Mia_emotion": of("Mia", ["calm", ""]),
                "Odo_emotion": of("Odo", ["cross", "calm"]),
                "Mia_emotion_probability": of("Mia", ["high", "low"]),
                "emotion_comment": [(0.0, 2.0, "she smiles")],
            },
            (),
        ),
        (
            {
                "Mia_emotion_(merc)": of("Mia", ["cross", "cross"]),
                "Mia_emotion_(merc,_2)": of("Mia", ["calm", ""]),
                "Odo_emotion_(merc,_2)": of("Odo", ["cross", "calm"]),
            },
            ("emotion (merc, 2)",),
        ),
    ],
)
def test_tiers_of_labels(tiers, wanted, tmp_path):
    found = import_labelled(put(tmp_path, talk_TextGrid=talk(**tiers)), wanted)
    assert labels_of(found.corpus) == BOTH
    assert [row[1] for row in spoken(found.corpus.conversations[0])] == [words for _, words, _, _ in TURNS]
    assert found.agreement is None


@pytest.mark.parametrize(
    ("header", "cells", "wanted"),
    [
        ("emotion", ("calm", "cross", ""), ()),
        ("Label", ("calm", "cross", "nan"), ()),
        ("emotion,label", ("calm,", "cross,", ","), ()),
        ("emotion,label", ("calm,1", "cross,2", ",1"), ("emotion",)),
        ("my tone,emotion", ("calm,x", "cross,y", ",z"), ("my tone",)),
        ("Speaker Label,emotion,emotion_confidence", ("s1,calm,0.5", "s2,cross,0.25", "s1,,"), ()),
        ("emotion_id,emotion", ("3,calm", "4,cross", "3,"), ()),
    ],
)
@pytest.mark.parametrize("suffix", ["csv", "tsv"])
def test_columns_of_labels(header, cells, wanted, suffix, tmp_path):
    text = ROWS.format(header, *cells)
    path = tmp_path / f"chat.{suffix}"
    path.write_text(text.replace(",", "\t") if suffix == "tsv" else text)
    found = import_labelled(path, wanted)
    assert found.corpus.name == "chat"
    assert [c.id for c in found.corpus.conversations] == ["chat"]
    assert labels_of(found.corpus) == [["calm", "cross", None]]


def test_labels_stay_with_their_rows(tmp_path):
    rows = ["start,end,speaker,text,label,id", "4,5,Odo,third,gamma,c", ",,,,,", "0,1,Mia,first,alpha,a", "2,3,Odo,...,beta,b"]
    (tmp_path / "t.csv").write_text("\n".join([*rows, "3,4,Mia,second,,d"]))
    (found,) = import_labelled(tmp_path).corpus.conversations
    assert [(u.id, u.words, u.label) for u in found.utterances] == [
        ("a", "first", "alpha"),
        ("d", "second", None),
        ("c", "third", "gamma"),
    ]


def test_dialogue_columns_and_the_split(tmp_path):
    rows = [f"{d},Mia,word {d},{'calm' if d % 2 else 'cross'}\n{d},Odo,other {d}," for d in range(5)]
    text = "dialogue,speaker,text,emotion\n" + "\n".join(rows)
    alone = import_labelled(put(tmp_path / "one", chats_csv=text)).corpus
    assert [c.id for c in alone.conversations] == ["0", "1", "2", "3", "4"]
    assert {part: len(ids) for part, ids in alone.splits["seeded"].parts.items()} == {"train": 3, "validation": 1, "test": 1}
    both = import_labelled(put(tmp_path / "two", chats_csv=text, sub__more_csv=text)).corpus
    assert [c.id for c in both.conversations][4:6] == ["chats/4", "sub/more/0"]


def test_annotators_vote(tmp_path):
    tiers = {
        "A_emotion": of(None, ["calm", "cross", "calm", "calm"]),
        "B_emotion": of(None, ["calm", "cross", "cross", ""]),
        "C_emotion": of(None, ["cross", "cross", "", "cross"]),
    }
    found = import_labelled(put(tmp_path, talk_TextGrid=talk(**tiers)))
    assert labels_of(found.corpus) == [["calm", "cross", None, None]]
    assert found.agreement.annotators == ("A", "B", "C")
    assert (found.agreement.utterances, found.agreement.ties) == (4, 2)
    named = import_labelled(tmp_path, ("A emotion", "C emotion"))
    assert named.agreement.annotators == ("A emotion", "C emotion")
    columns = import_labelled(put(tmp_path / "t", t_csv=ROWS.format("emotion_1,emotion_2", "calm,calm", "cross,calm", "cross,")))
    assert labels_of(columns.corpus) == [["calm", None, "cross"]]
    assert columns.agreement.annotators == ("1", "2")


def test_alpha_is_that_of_the_published_example():
    pytest.importorskip("nltk")
    rows = ("* * * * * 3 4 1 2 1 1 3 3 * 3", "1 * 2 1 3 3 4 3 * * * * * * *", "* * 2 1 3 4 4 * 2 1 1 3 3 * 4")
    coders = [row.split() for row in rows]
    units = [{str(who): coder[unit] for who, coder in enumerate(coders) if coder[unit] != "*"} for unit in range(15)]
    assert agreement(units).alpha == pytest.approx(0.691, abs=0.0005)
    swapped = [dict(reversed(unit.items())) for unit in reversed(units)]
    assert agreement(swapped).alpha == pytest.approx(agreement(units).alpha)


def test_alpha_where_it_is_not_defined():
    assert agreement([{"a": "x", "b": "x"}, {"a": "x"}]).alpha is None
    assert agreement([{"a": "x"}, {"b": "y"}]).alpha is None
    assert majority({}) == (None, False)
    assert majority({"a": "x", "b": None}) == (None, True)


def test_labels_are_mapped_before_they_are_compared(tmp_path):
    mapping = LabelMapping(
        name="two", labels=("good", "bad"), mapping={"glad": "good", "Glad": "good", "calm": "good", "cross": "bad", "x": None}
    )
    tiers = {"A_emotion": of(None, ["glad", "cross", "x", "Glad"]), "B_emotion": of(None, ["calm", "cross", "x", "cross"])}
    found = import_labelled(put(tmp_path, talk_TextGrid=talk(**tiers)), mapping=mapping)
    assert labels_of(found.corpus) == [["good", "bad", None, None]]
    assert found.corpus.label_set.names == ("good", "bad")
    assert found.corpus.notes["label_mapping"] == "two"
    assert found.agreement.ties == 1
    with pytest.raises(DataError, match="'two' leaves out 'odd'"):
        import_labelled(put(tmp_path, talk_TextGrid=talk(emotion=of(None, ["odd", "x", "x", "x"]))), mapping=mapping)


@pytest.mark.parametrize(
    ("files", "wanted", "said"),
    [
        ({"talk_TextGrid": talk()}, (), "talk.TextGrid has no tier of labels: expected one called 'emotion'; found: 'Mia', 'Odo'"),
        (
            {"talk_TextGrid": talk(emotion=of(None, ["a", "b", "a", "b"]))},
            ("mood",),
            "no tier of labels: expected one called 'mood'",
        ),
        ({"t_csv": "speaker,text\nMia,hello"}, (), "t.csv has no column of labels: expected one called 'emotion' or 'label'"),
        ({"t_csv": ROWS.format("emotion,label", "a,1", "b,2", "a,1")}, (), "'emotion', 'label' may hold labels"),
        ({"t_csv": ROWS.format("emotion,emotion", "a,a", "b,b", "a,b")}, (), "two columns are called 'emotion'"),
        ({"t_csv": ROWS.format("emotion", "a", "a", "a")}, (), "found 1 label: 'a'; a corpus needs two or more"),
        ({"t_csv": ROWS.format("emotion", "calm", "Calm", "x")}, (), "'Calm' and 'calm' differ only by case or blanks"),
        ({"t_csv": ROWS.format("emotion", "so so", "soso", "x")}, (), "'so so' and 'soso' differ only by case or blanks"),
        ({"t_csv": ROWS.format("emotion", "a", "b", "a")}, ("emotion", "mood"), "nothing is called 'mood'; found: 'speaker'"),
        (
            {"t_csv": ROWS.format("emotion", "a", "b", "a"), "t_tsv": "text\temotion\nhi\ta"},
            (),
            "t.csv and t.tsv both hold labels of t and differ, first",
        ),
        (
            {"a__b_csv": ROWS.format("emotion", "x", "y", "x"), "a_csv": "dialogue,text,emotion\nb,hi,x\nc,ho,y"},
            (),
            "two conversations are called 'a/b'",
        ),
        ({"notes_docx": ""}, (), r"labels are read from .emotions.json, .csv, .eaf, .textgrid, .exb, .cha, .tsv; found '.docx'"),
        (
            {"talk_TextGrid": talk(emotion=[(0.0, 2.0, "a"), (4.1, 4.2, "b"), (4.2, 4.3, "a"), (4.3, 4.4, "b")])},
            (),
            "3 of 4 labels fit no utterance by time; the labels are of the tiers 'emotion'",
        ),
        (
            {"talk_TextGrid": talk(emotion=of(None, ["a"] * 4), **{"Mia_emotion_(merc)": of("Mia", ["a", "b"])})},
            (),
            r"several kinds of emotion tiers: 'emotion \(merc\)', 'emotion'",
        ),
        (
            {"talk_TextGrid": talk(**{name: of("Mia", ["a", "b"]) for name in ("Mia_emotion_(merc)", "Mia_emotion_(merc,_2)")})},
            (),
            r"several kinds of emotion tiers: 'emotion \(merc\)', 'emotion \(merc, 2\)'",
        ),
    ],
)
def test_what_can_not_be_imported_is_refused(files, wanted, said, tmp_path):
    with pytest.raises(DataError, match=said):
        import_labelled(put(tmp_path, **files), wanted)


def test_warnings_count_what_is_left_out(tmp_path):
    tier = [(0.0, 2.0, "a"), (2.25, 4.0, "b"), (4.1, 4.4, "a"), (4.5, 6.0, "?"), (6.0, 8.0, "b")]
    put(
        tmp_path,
        talk_TextGrid=talk(emotion=tier),
        other_csv="speaker,text\nMia,hello",
        film_srt="",
        talk_wav="",
        song_mp3="",
        **{".hidden_csv": ""},
    )
    said = import_labelled(tmp_path).warnings
    assert "talk.TextGrid: 1 of 4 labels fits no utterance by time, and so is left out" in said
    assert "talk.TextGrid: 1 label such as ? is taken as none" in said
    assert any("3 files have no labels, and so left out: 'film.srt', 'other.csv', 'song.mp3'" in each for each in said)


@pytest.mark.parametrize(
    ("name", "wanted", "found"),
    [
        ("Ann emotion", "emotion", ("emotion", "Ann")),
        ("emotion@Ann Lee", "emotion", ("emotion", "Ann Lee")),
        ("K Ann emotion", "emotion", ("K", "Ann")),
        ("Ann_emotion_2", "emotion", ("2", "Ann")),
        ("EMOTION (K)", "emotion", ("K", None)),
        ("emotional Ann", "emotion", None),
        ("Ann emotion intensity", "emotion", None),
        ("a(b", "a(b", ("a(b", None)),
    ],
)
def test_names_of_labels(name, wanted, found):
    read = label_name(name, wanted, ("Ann", "Ann Lee"), alone=True)
    assert read == (found and LabelName(name, *found))


def test_overlapping_utterances_are_not_labelled_by_one_interval():
    turns = [TimedUtterance(0, "Mia", 0.0, 5.0), TimedUtterance(1, "Odo", 2.0, 3.0), TimedUtterance(2, "Mia", 5.0, 6.0)]
    assert matched(turns, [LabelInterval(0.0, 6.0, "calm")]) == ({0: "calm", 2: "calm"}, 0)
    assert matched(turns, [LabelInterval(2.0, 3.0, "cross"), LabelInterval(0.0, 5.0, "calm")]) == ({0: "calm", 1: "cross"}, 0)
    assert matched(turns, [LabelInterval(2.0, 3.0, "cross", "Mia")]) == ({}, 1)
    twice = [TimedUtterance(0, "Mia", 1.0, 2.0), TimedUtterance(1, "Mia", 1.0, 2.0)]
    assert matched(twice, [LabelInterval(1.0, 2.0, "a"), LabelInterval(1.0, 2.0, "b")]) == ({0: "a", 1: "b"}, 0)


def test_long_utterances_and_labels_cost_no_more():
    turns = [TimedUtterance(n, "Mia", 2.0 * n, 2.0 * n + 1.5) for n in range(2000)]
    whole = TimedUtterance(2000, "Odo", 0.0, 4000.0)
    given = [LabelInterval(turn.start, turn.end, "calm") for turn in turns]
    assert matched([*turns, whole], given) == (dict.fromkeys(range(2000), "calm"), 0)
    with pytest.raises(DataError, match="400 labels overlap one another 400 times over each utterance"):
        matched(turns, [LabelInterval(0.0, 4000.0, "calm")] * 400)


def test_other_layouts_are_mapped_too(tmp_path):
    turns = [f'{{"speaker": "Mia", "transcript": "well", "label": "{label}"}}' for label in ("calm", "cross", "sad")]
    (tmp_path / "chat.jsonl").write_text(f'{{"id": "a", "utterances": [{", ".join(turns)}]}}\n')
    mapping = tmp_path / "map.yaml"
    mapping.write_text("name: swap\nlabels: [good, bad]\nmapping: {calm: good, cross: bad, sad: null}\n")
    arguments = [str(tmp_path / "chat.jsonl"), "--map-labels", str(mapping), "--out", str(tmp_path / "store")]
    assert main(["data", "import", *arguments]) in (0, None)
    assert labels_of(open_store(tmp_path / "store")) == [["good", "bad", None]]


def test_labels_from_is_refused_for_other_layouts(tmp_path, capsys):
    assert main(["data", "import", "jsonl", str(tmp_path), "--labels-from", "x", "--out", str(tmp_path / "store")]) != 0
    assert "has labels of its own" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_the_command_line_makes_a_store(tmp_path, capsys):
    folder = put(
        tmp_path / "corrected",
        one_TextGrid=talk(A_emotion=of(None, ["calm", "cross", "", "calm"]), B_emotion=of(None, ["calm", "cross", "", "cross"])),
        two_csv=ROWS.format("emotion", "calm", "cross", ""),
        three_tsv=ROWS.format("emotion", "cross", "cross", "calm").replace(",", "\t"),
    )
    assert may_be_labelled(folder)
    assert main(["data", "import", str(folder), "--out", str(tmp_path / "store")]) in (0, None)
    shown = capsys.readouterr().out
    assert "annotators A, B: 3 utterances labelled by two or more; 1 without a majority" in " ".join(shown.split())
    corpus = open_store(tmp_path / "store")
    assert [c.id for c in corpus.conversations] == ["one", "three", "two"]
    assert corpus.notes["annotators"] == ["A", "B"]
    assert corpus.notes["agreement"]["ties"] == 1
    assert "seeded" in corpus.splits
    mapping = tmp_path / "map.yaml"
    mapping.write_text("name: swap\nlabels: [good, bad]\nmapping: {calm: good, cross: bad}\n")
    arguments = ["labelled", str(folder / "two.csv"), "--labels-from", "emotion", "--map-labels", str(mapping)]
    assert main(["data", "import", *arguments, "--out", str(tmp_path / "mapped")]) in (0, None)
    assert labels_of(open_store(tmp_path / "mapped")) == [["good", "bad", None]]
