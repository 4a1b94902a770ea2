"""Files of one talk in several formats: one is taken if they say the same, else the first difference is named."""

from __future__ import annotations

from dataclasses import replace

import pytest

from annotation.invented import annotation, utterance, with_utterances
from annotation.labelled_files import labels_of, of, put, talk
from merc.annotation.export.elan import eaf_text
from merc.annotation.export.tabular import tsv_text
from merc.annotation.export.textgrid import textgrid_text
from merc.annotation.labelled.contents import folder_contents
from merc.annotation.labelled.folder import import_labelled
from merc.errors import DataError

TURNS = (  # speaker, words, emotion, start, end
    ("Mia", "the kettle is on again", "joy", 0.00049, 1.9996),
    ("Odo", "  you said\tthat an hour ago", "anger", 2.2504, 4.0),
    ("Mia", "and again", "joy", 3.0, 3.5),
    ("Mia", "well it takes its time", "neutral", 4.5, 6.0),
    (None, "who is there", "fear", 6.0, 6.0),
)


def judged(*changes):
    """The annotation of the turns, with other values for some: number of the utterance -> fields."""
    made = [utterance(n, who, words, emotion, a, b) for n, (who, words, emotion, a, b) in enumerate(TURNS)]
    for number, change in changes:
        made[number] = replace(made[number], **change)
    return with_utterances(annotation(), made)


def written(folder, names="eaf TextGrid csv tsv", **changed):
    """The files that annotation writes; `changed` has another annotation for some of them."""
    forms = {"eaf": eaf_text, "TextGrid": textgrid_text, "csv": lambda whole: whole.to_csv(), "tsv": tsv_text}
    for suffix in names.split():
        text = forms[suffix](changed.get(suffix, judged()))
        (folder / f"talk.emotions.{suffix}").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("names", ["eaf TextGrid", "eaf csv", "TextGrid tsv", "eaf TextGrid csv tsv"])
def test_what_annotation_writes_at_once_says_the_same(names, tmp_path):
    contents = folder_contents(written(tmp_path, names))
    assert contents.problems == ()
    (taken,) = contents.talks
    assert len(taken.copies) == len(names.split()) - 1
    assert taken.path.suffix == (".csv" if "csv" in names else ".eaf" if "eaf" in names else ".TextGrid")
    assert labels_of(import_labelled(tmp_path).corpus) == [["joy", "anger", "joy", "neutral", "fear"]]


def test_our_json_with_labels_says_the_same(tmp_path):
    whole = judged()
    labelled = [replace(u, label=u.emotion) for u in whole.utterances]
    (tmp_path / "talk.emotions.json").write_text(with_utterances(whole, labelled).to_json())
    (found,) = folder_contents(written(tmp_path)).talks
    assert (found.path.suffix, len(found.copies)) == (".json", 4)
    (tmp_path / "talk.emotions.json").write_text(
        with_utterances(whole, [replace(labelled[0], label="fear"), *labelled[1:]]).to_json()
    )
    with pytest.raises(DataError, match=r"talk.emotions.json and .* differ, first at 0.00 to 2.00 s: 'fear' and 'joy'; keep one"):
        import_labelled(tmp_path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ((1, {"emotion": "fear"}), "at 2.25 to 4.00 s: 'anger' and 'fear'; keep one"),
        ((2, {"words": "and once more"}), "at 3.00 to 3.50 s: the words 'and again' and 'and once more'; keep one"),
        ((2, {"speaker": "Odo"}), "at 3.00 to 3.50 s: the speaker 'Mia' and 'Odo'; keep one"),
        (
            (3, {"start": 4.503}),
            "'well it takes its time': 4.500 to 6.000 s in talk.emotions.csv and 4.503 to 6.000 s in the other; keep one",
        ),
        (
            (3, {"end": 5.997}),
            "'well it takes its time': 4.500 to 5.997 s in talk.emotions.eaf and 4.500 to 6.000 s in the other; keep one",
        ),
    ],
)
def test_the_first_difference_is_named(change, said, tmp_path):
    written(tmp_path, "csv eaf", eaf=judged(change, (4, {"emotion": "surprise"})))
    with pytest.raises(DataError) as caught:
        import_labelled(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: talk.emotions.csv and talk.emotions.eaf both hold labels of talk and differ, first {said}"
    )


def test_a_label_that_was_taken_away_is_a_difference(tmp_path):
    written(tmp_path, "csv eaf")
    path = tmp_path / "talk.emotions.eaf"
    path.write_text(path.read_text().replace("ANNOTATION_VALUE>anger<", "ANNOTATION_VALUE><"))
    with pytest.raises(DataError, match=r"first at 2.25 to 4.00 s: 'anger' and no label; keep one"):
        import_labelled(tmp_path)


def test_a_turn_that_was_taken_away_is_a_difference(tmp_path):
    fewer = with_utterances(judged(), judged().utterances[1:])
    with pytest.raises(DataError, match=r"first at 0.00 to 2.00 s: only talk.emotions.csv has 'the kettle is on again' of Mia"):
        import_labelled(written(tmp_path, "csv eaf", eaf=fewer))


def test_what_tiers_can_not_hold_is_no_difference(tmp_path):
    untimed = judged((3, {"start": None, "end": None}))
    (tmp_path / "talk.emotions.csv").write_text(untimed.to_csv())
    (tmp_path / "talk.emotions.eaf").write_text(eaf_text(untimed, leave_out_untimed=True))
    assert labels_of(import_labelled(tmp_path).corpus) == [["joy", "anger", "joy", "neutral", "fear"]]
    (tmp_path / "talk.emotions.tsv").write_text(tsv_text(judged()))
    with pytest.raises(DataError, match=r"time': 4.500 to 6.000 s in talk.emotions.tsv and no time in the other"):
        import_labelled(tmp_path)


def test_all_differences_are_collected(tmp_path):
    other = judged((0, {"emotion": "fear"}))
    problems = folder_contents(written(tmp_path, TextGrid=other, tsv=other)).problems
    assert [str(problem).split(": ")[1].split(" both")[0] for problem in problems] == [
        "talk.emotions.csv and talk.emotions.TextGrid",
        "talk.emotions.csv and talk.emotions.tsv",
    ]


def test_several_conversations_are_compared_one_by_one(tmp_path):
    text = "dialogue,speaker,text,emotion\na,Mia,hello,calm\na,Odo,hello,cross\nb,Mia,bye,calm\n"
    put(tmp_path, t_csv=text, t_tsv=text.replace(",", "\t"))
    assert labels_of(import_labelled(tmp_path).corpus) == [["calm", "cross"], ["calm"]]
    put(tmp_path, t_tsv=text.replace(",", "\t").replace("bye\tcalm", "bye\tcross"))
    with pytest.raises(DataError, match="first in 'b' at 'bye': 'calm' and 'cross'"):
        import_labelled(tmp_path)
    put(tmp_path, t_tsv=text.replace(",", "\t").replace("b\tMia", "c\tMia"))
    with pytest.raises(DataError, match="first the conversations 'b' and 'c'"):
        import_labelled(tmp_path)
    put(tmp_path, t_tsv=text.replace(",", "\t").replace("b\tMia", "a\tMia"))
    with pytest.raises(DataError, match="first 2 and 1 conversations"):
        import_labelled(tmp_path)


def test_files_of_other_talks_are_left_alone(tmp_path):
    put(
        tmp_path,
        a_TextGrid=talk(emotion=of(None, ["x", "y", "x", "y"])),
        sub__a_TextGrid=talk(emotion=of(None, ["y", "y", "x", "y"])),
    )
    assert [c.id for c in import_labelled(tmp_path).corpus.conversations] == ["a", "sub/a"]
