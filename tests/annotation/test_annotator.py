"""Annotation as a whole: a call in any guise gives the same judgements, and what can't be had is absent with its reason."""

import numpy as np
import pytest

from annotation.call import RATE, SECONDS, TRANSCRIPT, TURNS, open_file, srt, stereo, whisper
from annotation.recordings import encoded, wav
from merc.annotation.annotator import Annotator, annotate
from merc.annotation.media.decoding import Sound
from merc.annotation.options import Options
from merc.annotation.result import Absence
from merc.annotation.transcripts.transcript import Transcript, Turn
from merc.errors import DataError, RunError

pytest.importorskip("parselmouth", reason="the extra 'audio' is not installed")


@pytest.fixture(scope="module")
def annotator(judge):
    return Annotator(Options(model=judge))


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
    renamed = Transcript(tuple(Turn(t.words, {"Ann": "Zoe", "Bo": "Ann"}[t.speaker], t.start, t.end) for t in TRANSCRIPT.turns))
    np.testing.assert_allclose(probabilities(annotator.annotate(sound, renamed)), probabilities(whole), atol=1e-6)


def test_channels_tell_the_speakers(judge, whole):
    by_channel = Annotator(Options(model=judge, channels="speakers"))
    nameless = open_file(whisper().encode())
    found = by_channel.annotate(open_file(wav(stereo(), RATE)), nameless, transcript_name="call.json")
    assert [u.speaker for u in found.utterances] == ["channel 1", "channel 2", "channel 1", "channel 2", "channel 2"]
    assert found.warnings == ()
    # Each is heard in its own channel: the other's crosstalk is not in it, so it is as if Ann and Bo had been recorded apart.
    apart = Sound(stereo(crosstalk=0.0), RATE)
    same(by_channel.annotate(apart, open_file(whisper().encode()), transcript_name="call.json"), found, 1e-3)


def test_a_channel_that_the_transcript_names_is_taken(judge):
    by_channel = Annotator(Options(model=judge, channels="speakers"))
    turns = tuple(Turn(t.words, None, t.start, t.end, 1) for t in TRANSCRIPT.turns)
    found = by_channel.annotate(Sound(stereo(), RATE), Transcript(turns))
    assert {u.speaker for u in found.utterances} == {"channel 2"}


def test_speakers_that_nothing_tells_are_one_with_a_warning(annotator, sound):
    found = annotator.annotate(sound, open_file(whisper().encode()), transcript_name="call.json")
    assert {u.speaker for u in found.utterances} == {"speaker"}
    assert found.warnings == ("no turn names its speaker: they count as one speaker's, 'speaker'",)


def test_one_channel_tells_nobody_apart(judge):
    by_channel = Annotator(Options(model=judge, channels="speakers"))
    found = by_channel.annotate(Sound(stereo()[:, 0], RATE), TRANSCRIPT)
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
    turns = (
        *TRANSCRIPT.turns[:2],
        Turn("why ?", "Ann", 7.0, 8.0),
        Turn("i am happy", "Bo", 3.0, 3.0),
        Turn("so happy", "Ann"),
        Turn("", "Bo", 5.0, 6.0),
        Turn("leave", "Bo", 6.0, 9.0),
    )
    found = annotator.annotate(sound, Transcript(turns))
    assert found.absences == (
        Absence("3", "audio", "the recording ends at 6.5 s"),
        Absence("4", "audio", "it is shorter than 0.02 s"),
        Absence("5", "audio", "no time is known"),
        Absence("6", "text", "it has no words"),
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
    found = Annotator(Options(model=judge)).annotate(sound, TRANSCRIPT)
    (absence,) = found.absences
    assert (absence.utterance_id, absence.modality) == (None, "audio") and "optional extra 'audio'" in absence.reason
    assert all(u.present == ("text",) for u in found.utterances)


def test_a_second_run_encodes_nothing(judge, sound, whole, tmp_path, monkeypatch):
    from merc.encoders.audio.praat import PraatEncoder
    from merc.encoders.text.dialogue import DialogueEncoder

    options = Options(model=judge, cache=tmp_path / "cache")
    same(Annotator(options).annotate(sound, TRANSCRIPT), whole)

    def again(*_, **__):
        raise AssertionError("encoded again")

    monkeypatch.setattr(PraatEncoder, "encode", again)
    monkeypatch.setattr(DialogueEncoder, "encode_at", again)
    same(Annotator(options).annotate(sound, TRANSCRIPT), whole)


def test_the_hook_is_told_what_is_done(annotator, sound):
    told = []
    annotator.annotate(sound, TRANSCRIPT, hook=lambda *step: told.append(step))
    assert list(dict.fromkeys(what for what, *_ in told)) == ["listening", "reading words", "judging"]
    heard = [(done, total) for what, done, total in told if what == "listening"]
    assert heard == sorted(heard) and 6 <= heard[-1][0] <= SECONDS == heard[-1][1]
    assert told[-1] == ("judging", 5.0, 5.0)


def test_the_digest_follows_the_content(annotator, whole, sound):
    assert annotator.annotate(Sound(stereo(), RATE), TRANSCRIPT).origin.sha256 == whole.origin.sha256
    assert annotator.annotate(sound, Transcript(TRANSCRIPT.turns[:4])).origin.sha256 != whole.origin.sha256
    assert annotator.annotate(Sound(0.5 * stereo(), RATE), TRANSCRIPT).origin.sha256 != whole.origin.sha256


def test_what_can_not_be_annotated(annotator, sound, tmp_path):
    (tmp_path / "a.srt").write_text(srt())
    for source, transcript, said in (
        ("http://example.org/talk.mp4", None, "only local files are read"),
        (tmp_path / "nothing.wav", None, "expected a file, found nothing"),
        (tmp_path, None, "expected a file, found a folder"),
        (tmp_path / "a.srt", tmp_path / "a.srt", "a second one was given"),
        (sound, tmp_path / "nothing.srt", "expected a file, found nothing"),
        (sound, Transcript(()), "the transcript has no turn"),
    ):
        with pytest.raises(DataError, match=said):
            annotator.annotate(source, transcript)
    with pytest.raises(RunError, match="no model here"):
        annotate(sound, TRANSCRIPT, options=Options(model=tmp_path))


def test_long_recordings_are_judged_in_pieces(annotator, sound):
    many = Transcript(TRANSCRIPT.turns * 110)
    found = annotator.annotate(sound, many)
    assert len(found.utterances) == 550
    assert np.isfinite(probabilities(found)).all()


def test_the_result_can_be_written_and_read_back(whole):
    assert type(whole).from_json(whole.to_json()) == whole
