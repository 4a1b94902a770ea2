"""Annotation as a whole: a call in any guise gives the same judgements, and what can't be had is absent with its reason."""

from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from annotation.call import RATE, SECONDS, TRANSCRIPT, TURNS, open_file, srt, stereo, whisper
from annotation.recordings import encoded, wav
from annotation.turns import spoken, turns_of
from merc.annotation.annotation import Annotation
from merc.annotation.annotator import annotate
from merc.annotation.media.recording import Sound
from merc.annotation.model import load
from merc.annotation.options import Options, SoundOptions
from merc.annotation.speech import voices
from merc.annotation.transcripts.transcript import Transcript
from merc.data.schema import Absence
from merc.encoders.audio.praat import PraatEncoder
from merc.errors import DataError, FeatureError, RunError

pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")


@pytest.fixture(scope="module")
def annotator(judge):
    return load(judge)


@pytest.fixture(scope="module")
def by_channel(annotator):
    return partial(annotator.annotate, options=Options(channels="speakers"))


@pytest.fixture(scope="module")
def sound():
    return Sound(stereo(), RATE)


@pytest.fixture(scope="module")
def whole(annotator, sound):
    return annotator.annotate(sound, TRANSCRIPT)


def probabilities(annotation):
    return np.array([[u.probabilities[name] for name in annotation.labels] for u in annotation.utterances])


def same(annotation, other, tolerance=1e-4):
    said = [[(u.speaker, u.words, u.present) for u in given.utterances] for given in (annotation, other)]
    assert said[0] == said[1]
    np.testing.assert_allclose(probabilities(annotation), probabilities(other), atol=tolerance)


def test_every_turn_is_judged_by_words_and_sound(whole):
    assert [(u.speaker, u.words, u.start, u.end) for u in whole.utterances] == [turn[:4] for turn in TURNS]
    assert all(u.present == ("text", "audio") for u in whole.utterances)
    assert (whole.origin.kind, whole.origin.duration, whole.absences, whole.warnings) == ("audio", SECONDS, (), ())
    assert whole.origin.transcript == "transcript" and whole.origin.model["name"] == "tiny"


def test_arrays_files_and_open_files_give_the_same(annotator, whole, tmp_path):
    content = wav(stereo(), RATE)
    (tmp_path / "call.wav").write_bytes(content)
    (tmp_path / "words.srt").write_text(srt())
    same(annotator.annotate(tmp_path / "call.wav", tmp_path / "words.srt"), whole)
    same(annotator.annotate(str(tmp_path / "call.wav"), str(tmp_path / "words.srt")), whole)
    with (tmp_path / "call.wav").open("rb") as recording, (tmp_path / "words.srt").open("rb") as words:
        recording.seek(1000)
        same(annotator.annotate(recording, words), whole)
        assert recording.tell() == 1000
    same(annotator.annotate(open_file(content), TRANSCRIPT, name="call.wav"), whole)


def test_a_film_is_judged_as_its_sound_is(annotator, whole, tmp_path):
    film = encoded(stereo(), RATE, "matroska", codec="flac", layout="stereo", picture=True)
    (tmp_path / "call.mkv").write_bytes(film)
    (tmp_path / "call.srt").write_text(srt())
    found = annotator.annotate(tmp_path / "call.mkv")
    assert found.origin.kind == "video" and found.origin.transcript == "call.srt"
    assert found.warnings == ("the transcript is call.srt, found beside the recording",)
    same(found, whole, 2e-3)  # FLAC holds 16 bits


def test_a_quarter_of_the_amplitude_changes_nothing(annotator, whole):
    same(annotator.annotate(Sound(0.25 * stereo(), RATE), TRANSCRIPT), whole, 1e-3)


def test_names_change_nothing(annotator, whole, sound):
    renamed = Transcript(tuple(replace(u, speaker={"Ann": "Zoe", "Bo": "Ann"}[u.speaker]) for u in TRANSCRIPT.utterances))
    np.testing.assert_allclose(probabilities(annotator.annotate(sound, renamed)), probabilities(whole), atol=1e-6)


def test_channels_tell_the_speakers(by_channel, whole):
    nameless = open_file(whisper().encode())
    found = by_channel(open_file(wav(stereo(), RATE)), nameless, transcript_name="call.json")
    assert [u.speaker for u in found.utterances] == ["channel 1", "channel 2", "channel 1", "channel 2", "channel 2"]
    assert found.warnings == ()
    # Each is heard in its own channel: the other's crosstalk is not in it, so it is as if Ann and Bo had been recorded apart.
    apart = Sound(stereo(crosstalk=0.0), RATE)
    same(by_channel(apart, open_file(whisper().encode()), transcript_name="call.json"), found, 1e-3)


def test_a_channel_that_the_transcript_names_is_taken(by_channel):
    turns = tuple(replace(u, speaker=None, channel=1) for u in TRANSCRIPT.utterances)
    found = by_channel(Sound(stereo(), RATE), Transcript(turns))
    assert {u.speaker for u in found.utterances} == {"channel 2"}


def test_speakers_that_nothing_tells_are_one_with_a_warning(annotator, sound):
    found = annotator.annotate(sound, open_file(whisper().encode()), transcript_name="call.json")
    assert {u.speaker for u in found.utterances} == {"speaker"}
    assert found.warnings == ("no turn names its speaker: they count as one speaker's, 'speaker'",)


def test_one_channel_tells_nobody_apart(by_channel):
    found = by_channel(Sound(stereo()[:, 0], RATE), TRANSCRIPT)
    assert found.warnings == ("the recording has one channel, so channels do not tell speakers apart",)


def test_words_alone(annotator, whole, tmp_path):
    (tmp_path / "chat.csv").write_text("speaker,words\n" + "\n".join(f"{who},{words}" for who, words, *_ in TURNS))
    found = annotator.annotate(tmp_path / "chat.csv")
    assert found.origin.kind == "text" and found.origin.duration is None
    assert found.absences == (Absence(None, "audio", "there is no recording"),)
    assert all(u.present == ("text",) for u in found.utterances)
    same(annotator.annotate(TRANSCRIPT), found)
    assert np.abs(probabilities(found) - probabilities(whole)).max() > 1e-4


def test_what_a_recording_lacks_is_absent_and_the_rest_goes_on(annotator, sound):
    turns = turns_of(
        *TRANSCRIPT.utterances[:2],
        spoken("why ?", "Ann", 7.0, 8.0),
        spoken("i am happy", "Bo", 3.0, 3.0),
        spoken("so happy", "Ann"),
        spoken("", "Bo", 5.0, 6.0),
        spoken("leave", "Bo", 6.0, 9.0),
    )
    found = annotator.annotate(sound, Transcript(turns))
    assert found.absences == (
        Absence("6", "text", "it has no words"),
        Absence("3", "audio", "the recording ends at 6.5 s"),
        Absence("4", "audio", "it is shorter than 0.02 s"),
        Absence("5", "audio", "no time is known"),
    )
    assert [u.present for u in found.utterances] == [
        ("text", "audio"),
        ("text", "audio"),
        ("text",),
        ("text",),
        ("text",),
        ("audio",),
        ("text", "audio"),
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "found an empty file"),
        (b"this is no recording" * 50, "can't be read as a recording"),
        ("silent film", "no audio track"),
    ],
)
def test_a_medium_that_can_not_be_heard_leaves_the_words(annotator, tmp_path, content, reason):
    path = tmp_path / "call.mkv"
    path.write_bytes(content if isinstance(content, bytes) else encoded(None, RATE, "matroska", picture=True))
    found = annotator.annotate(path, TRANSCRIPT)
    (absence,) = found.absences
    assert (absence.utterance_id, absence.modality) == (None, "audio") and reason in absence.reason
    assert all(u.present == ("text",) for u in found.utterances)
    with pytest.raises(DataError, match=reason):
        annotator.annotate(path)


def test_without_its_extra_a_modality_is_absent(judge, sound, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "parselmouth", None)
    found = annotate(sound, TRANSCRIPT, model=judge)
    (absence,) = found.absences
    assert (absence.utterance_id, absence.modality) == (None, "audio") and "optional extra 'annotate'" in absence.reason
    assert all(u.present == ("text",) for u in found.utterances)


def test_a_second_run_encodes_nothing(judge, sound, whole, tmp_path, monkeypatch):
    from merc.encoders.audio.praat import PraatEncoder
    from merc.encoders.text.dialogue import DialogueEncoder

    options = Options(cache=tmp_path / "cache")
    same(annotate(sound, TRANSCRIPT, model=judge, options=options), whole)

    def again(*_, **__):
        raise AssertionError("encoded again")

    monkeypatch.setattr(PraatEncoder, "encode", again)
    monkeypatch.setattr(DialogueEncoder, "encode_at", again)
    same(annotate(sound, TRANSCRIPT, model=judge, options=options), whole)


def test_the_hook_is_told_what_is_done(annotator, sound):
    told = []
    annotator.annotate(sound, TRANSCRIPT, hook=lambda *step: told.append(step))
    assert list(dict.fromkeys(what for what, *_ in told)) == ["listening", "reading words", "judging"]
    heard = [(done, total) for what, done, total in told if what == "listening"]
    assert heard == sorted(heard) and 6 <= heard[-1][0] <= SECONDS == heard[-1][1]
    assert told[-1] == ("judging", 5.0, 5.0)


def test_the_digest_follows_the_content(annotator, whole, sound):
    assert annotator.annotate(Sound(stereo(), RATE), TRANSCRIPT).origin.sha256 == whole.origin.sha256
    assert annotator.annotate(sound, Transcript(TRANSCRIPT.utterances[:4])).origin.sha256 != whole.origin.sha256
    assert annotator.annotate(Sound(0.5 * stereo(), RATE), TRANSCRIPT).origin.sha256 != whole.origin.sha256


def test_what_can_not_be_annotated(annotator, sound, tmp_path):
    (tmp_path / "a.srt").write_text(srt())
    for source, transcript, said in (
        ("http://example.org/talk.mp4", None, "only local files are read"),
        (tmp_path / "nothing.wav", None, "expected a file, found nothing"),
        (tmp_path, None, "expected a file, found a folder"),
        (tmp_path / "a.srt", tmp_path / "a.srt", "a second one was given"),
        (sound, tmp_path / "nothing.srt", "expected a file, found nothing"),
        (sound, Transcript(()), "the transcript has no utterance"),
        (sound, Transcript((), ("turn 3 was left out",)), "the transcript has no utterance"),
    ):
        with pytest.raises(DataError, match=said):
            annotator.annotate(source, transcript)
    with pytest.raises(RunError, match="no model here"):
        annotate(sound, TRANSCRIPT, model=tmp_path)


def test_long_recordings_are_judged_in_pieces(annotator, sound):
    many = Transcript(turns_of(*TRANSCRIPT.utterances * 110))
    found = annotator.annotate(sound, many)
    assert len(found.utterances) == 550
    assert np.isfinite(probabilities(found)).all()


def test_the_result_can_be_written_and_read_back(whole):
    assert type(whole).from_json(whole.to_json()) == whole


def test_utterances_made_by_hand_are_a_transcript(annotator, whole, sound):
    same(annotator.annotate(sound, list(TRANSCRIPT.utterances)), whole)
    assert annotator.annotate(list(TRANSCRIPT.utterances)).origin.kind == "text"


def test_the_origin_names_the_weights_by_their_digest(whole, judge):
    import hashlib

    assert whole.origin.model["sha256"] == hashlib.sha256((judge / "model.safetensors").read_bytes()).hexdigest()


def test_without_what_reads_words_sound_is_left(judge, sound, tmp_path, monkeypatch):
    import importlib.util
    import sys

    monkeypatch.setitem(sys.modules, "sentence_transformers", None)
    monkeypatch.setitem(sys.modules, "transformers", None)
    real = importlib.util.find_spec
    gone = ("sentence_transformers", "transformers")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *rest: None if name in gone else real(name, *rest))
    found = annotate(sound, TRANSCRIPT, model=judge)
    (absence,) = found.absences
    assert (absence.utterance_id, absence.modality) == (None, "text") and "optional extra 'train'" in absence.reason
    assert all(u.present == ("audio",) for u in found.utterances)
    spanish = [replace(turn, words="¡Estoy harto de ti! ¡Lárgate de mi casa ahora!") for turn in TRANSCRIPT.utterances]
    assert annotate(sound, spanish, model=judge).warnings == (), "no label hangs on the words"
    with pytest.raises(FeatureError, match=r"there is nothing to judge by; text: .*'train'.*; audio: there is no recording"):
        annotate(TRANSCRIPT, model=judge)


class Loudness:
    """Stands for a speech model."""

    name, version, dimension, modality = "speech-model", "1", 2, "audio"

    def encode(self, clips, progress=None):
        return np.array([[clip.std(), len(clip)] for clip in clips], dtype=np.float32)


def test_a_modality_of_any_name_is_made_by_its_encoder(tiny_recipe, tmp_path, sound, monkeypatch):
    """`audio/mine` is praat's, `prosody/x` is derived from it in name only, `spectrum/x` is a speech model's."""
    from labelled_talks import LABELS, talks
    from merc.data.schema import Corpus, FeatureSpec, Split
    from merc.encoders.derivation import PRAAT, PRAAT_RELATIVE
    from merc.runs.training import train

    specs = (
        PRAAT.model_copy(update={"name": "mine"}),
        PRAAT_RELATIVE.model_copy(update={"modality": "prosody", "name": "x"}),
        FeatureSpec(modality="spectrum", name="x", dimension=2, encoder=str(tmp_path / "speech"), version="1"),
    )
    (tmp_path / "speech").mkdir()
    (tmp_path / "speech" / "preprocessor_config.json").write_text("{}")
    random = np.random.default_rng(0)
    made = tuple(
        c.with_features({spec.key: random.normal(50, 20, (len(c), spec.dimension)).astype(np.float32) for spec in specs})
        for c in talks(12)
    )
    split = Split("official", {"train": tuple(c.id for c in made[:8]), "validation": tuple(c.id for c in made[8:])})
    corpus = Corpus("talks", LABELS, specs, made, {"official": split})
    features = {spec.modality: spec.name for spec in specs}
    model = load(train(tiny_recipe(data={"features": features}), tmp_path / "run", corpus=corpus).folder / "model")
    monkeypatch.setattr(model.features, "encoder", lambda spec: PraatEncoder() if spec.encoder == "praat" else Loudness())
    read = []
    real = voices.excerpts
    monkeypatch.setattr(voices, "excerpts", lambda *given: read.append(given) or real(*given))
    found = model.annotate(sound, TRANSCRIPT)
    assert found.absences == () and all(u.present == ("audio", "prosody", "spectrum") for u in found.utterances)
    assert len(read) == 1, "the recording is read once for all encoders"


@pytest.mark.parametrize("kind", [Options, SoundOptions])
def test_channels_by_another_word_are_refused(kind):
    given = SimpleNamespace(channels="stereo", clock="auto", cache=None)  # the test run checks the types of arguments before
    with pytest.raises(RunError, match=r"channels: found 'stereo' \(str\); allowed are mixed, speakers"):
        kind.__post_init__(given)


def test_a_file_of_turns_names_the_speakers(annotator, tmp_path):
    rttm = tmp_path / "call.rttm"
    rttm.write_text("SPEAKER call 1 1.0 2.0 <NA> <NA> Zoe <NA> <NA>\nSPEAKER call 1 3.0 2.0 <NA> <NA> Yves <NA> <NA>\n")
    talk = Transcript(turns_of(spoken("Hi.", None, 1.0, 1.5), spoken("Ho.", "Ann", 2.8, 4.0), spoken("Hm.", "Ann", 8.0, 9.0)))
    found = annotator.annotate(talk, options=Options(speakers=rttm))
    assert [u.speaker for u in found.utterances] == ["Zoe", "Yves", "Ann"]
    assert "1 utterance lies in no speaker's turn" in found.warnings
    assert found.origin.speakers == "call.rttm"
    assert Annotation.from_json(found.to_json()) == found
    rttm.write_text(rttm.read_text().replace("Zoe", "Xan"))
    assert annotator.annotate(talk, options=Options(speakers=rttm)).origin.sha256 != found.origin.sha256
    assert annotator.annotate(talk).origin.sha256 not in ("", found.origin.sha256)
    with pytest.raises(DataError, match=r"gone\.rttm: expected turns of speakers in RTTM, found nothing$"):
        annotator.annotate(talk, options=Options(speakers=tmp_path / "gone.rttm"))
