"""Results: what they refuse, their table, and the same for pandas."""

import math
import sys
from dataclasses import replace

import pandas
import pytest

from annotation.invented import MODALITIES, SEVEN, annotated, annotation, hostile, utterance, with_utterances
from merc.annotation.annotation import Annotation
from merc.errors import DataError, MissingExtraError

COLUMNS = [
    "conversation",
    "utterance",
    "speaker",
    "channel",
    "start",
    "end",
    "words",
    "label",
    "emotion",
    "probability",
    *(f"p_{label}" for label in SEVEN),
    *(f"trust_{modality}" for modality in MODALITIES),
    "uncertainty",
    "present",
]


def changed(**changes):
    """An annotation whose first utterance is changed."""
    whole = annotation()
    return with_utterances(whole, (replace(whole.utterances[0], **changes), *whole.utterances[1:]))


def test_the_table_has_a_row_for_each_utterance_and_the_promised_columns():
    whole = annotation()
    columns = whole.columns()
    assert list(columns) == COLUMNS
    assert {len(column) for column in columns.values()} == {25}
    assert columns["speaker"][:2] == ["Ann", "Ben"]
    first = whole.utterances[0]
    assert columns["probability"][0] == columns["p_neutral"][0] == first.probabilities["neutral"]
    assert columns["trust_audio"][0] == first.trust["audio"]
    assert columns["present"][0] == "text+audio+visual"


def test_an_absent_modality_has_no_trust_and_a_model_without_trust_has_none_at_all():
    assert annotation().columns()["trust_visual"][3] == 0.0
    assert annotation().columns()["present"][3] == "text+audio"
    assert changed(trust={}).columns()["trust_text"][0] is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"emotion": "bliss"}, "utterance '0': emotion 'bliss' is not among the labels: neutral, surprise"),
        ({"probabilities": {**dict.fromkeys(SEVEN, 0.1), "joy": math.nan}}, "'joy' has nan; expected a share from 0 to 1"),
        ({"trust": {"smell": 1.0}}, "'smell' is not among the modalities: text, audio, visual"),
        ({"trust": {"text": 1.5}}, "'text' has 1.5"),
        ({"present": ("smell",)}, "'smell' is not among the modalities"),
        ({"start": math.inf}, "start: expected finite seconds or None, found inf"),
        ({"uncertainty": math.nan}, "uncertainty is nan"),
        ({"id": "1"}, "utterance id '1' occurs more than once"),
    ],
)
def test_what_is_not_consistent_is_refused_in_one_line(changes, message):
    with pytest.raises(DataError) as caught:
        changed(**changes)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_utterances_have_the_same_labels():
    whole = annotation()
    other = replace(whole.utterances[1], emotion="joy", probabilities={"joy": 1.0})
    with pytest.raises(DataError, match="utterance '1': needs the probability of each label and of no other; see 'anger'"):
        with_utterances(whole, (whole.utterances[0], other))


@pytest.mark.parametrize("duration", [-1.0, math.nan, math.inf])
def test_a_duration_that_is_none_is_refused(duration):
    with pytest.raises(DataError, match="expected seconds from 0"):
        annotation(origin=replace(annotation().origin, duration=duration))


def test_repeated_modalities_and_conversations_are_refused():
    with pytest.raises(DataError, match="modality 'text' occurs more than once"):
        annotation(modalities=(*MODALITIES, "text"))
    whole = annotation()
    with pytest.raises(DataError, match=r"conversation id 'talk\.wav' occurs more than once"):
        replace(whole, conversations=whole.conversations * 2)


def test_messages_show_foreign_text_harmlessly():
    with pytest.raises(DataError) as caught:
        changed(emotion="\x1b[2J" + "x" * 500)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_float32_sums_that_miss_one_by_a_hair_are_let_through():
    assert changed(trust={"text": 1.0000001}).utterances[0].trust == {"text": 1.0000001}


def test_the_data_frame_has_the_table_with_numbers_as_numbers():
    frame = changed(start=None, uncertainty=None).to_dataframe()
    assert list(frame.columns) == COLUMNS
    assert frame["words"][2] == "So. I got the job!"
    numbers = [
        name
        for name in COLUMNS
        if name not in ("conversation", "utterance", "speaker", "channel", "words", "label", "emotion", "present")
    ]
    assert all(frame[name].dtype == "float64" for name in numbers)
    assert pandas.isna(frame["start"][0]) and pandas.isna(frame["uncertainty"][0])
    assert frame["probability"].between(0, 1).all()


def test_the_data_frame_keeps_words_as_they_are():
    assert list(hostile().to_dataframe()["words"]) == [one.words for one in hostile().utterances]


def test_an_annotation_without_utterances_is_none():
    for conversations in ((), (replace(annotation().conversations[0], utterances=()),)):
        with pytest.raises(DataError, match="expected one or more conversations, each with an utterance"):
            replace(annotation(), conversations=conversations)


def test_it_is_shown_in_one_short_line():
    shown = repr(annotation())
    assert shown.startswith("Annotation('talk.wav', 25 utterances: joy 8, neutral 7, ") and len(shown) < 110
    assert len(repr(hostile())) < 250 and "\x1b" not in repr(hostile())


def test_notebooks_show_a_table_in_which_nothing_runs():
    shown = annotation()._repr_html_()
    assert shown.count("<tr>") == 26 and "<td>So. I got the job!</td><td>joy</td>" in shown
    text = hostile()._repr_html_()
    assert not any(tag in text for tag in ("<script", "<img", "<svg", "<style")) and "&lt;script&gt;" in text and "\x1b" not in text
    many = annotation(talk=[("Ann", "joy", "yes")] * 60)._repr_html_()
    assert many.count("<tr>") == 51 and "50 of 60 utterances" in many


def test_several_conversations_stand_one_after_the_other():
    whole = annotation()
    second = replace(whole.conversations[0], id="other", utterances=whole.utterances[:2], absences=())
    both = replace(whole, conversations=(*whole.conversations, second))
    assert both.columns()["conversation"] == ["talk.wav"] * 25 + ["other"] * 2
    assert Annotation.from_json(both.to_json()) == both
    page = both.to_html()
    assert page.count("conversation <bdi>") == 2 and "There are several conversations" in page
    with pytest.raises(DataError, match="subtitles are of one conversation; there are 2"):
        both.to_srt()


def test_without_pandas_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'merc\[pandas\]'"):
        annotation().to_dataframe()


def test_the_methods_give_what_the_files_hold():
    from merc.annotation.export import page, subtitles
    from merc.files.csv_cells import csv_text

    whole = annotation()
    assert whole.to_csv() == csv_text(whole.columns())
    assert whole.to_srt() == subtitles.srt_text(whole)
    assert whole.to_html("talk.wav") == page.render_page(whole, "talk.wav")
    assert Annotation.from_json(whole.to_json()) == whole


def test_an_utterance_of_one_label_and_no_modality_will_do():
    one = utterance(0, "Ann", "Hm.", "calm", labels=("calm",), modalities=())
    whole = annotated((one,), modalities=())
    assert whole.columns()["present"] == [""]
    assert "Hm." in whole.to_html()
