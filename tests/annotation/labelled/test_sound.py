"""Recordings of labelled talks: found, and heard as annotation hears them."""

from __future__ import annotations

import os
import re

import numpy as np
import pytest

from annotation.call import RATE, TURNS, srt, stereo, whisper
from annotation.labelled_files import labels_of, put, textgrid
from annotation.recordings import encoded, wav
from merc.annotation.cache import FeatureCache
from merc.annotation.labelled.folder import import_labelled
from merc.annotation.model import load
from merc.annotation.options import Options, SoundOptions
from merc.cli import main
from merc.data.store.store import open_store
from merc.encoders.derivation import PRAAT
from merc.errors import MissingExtraError
from merc.inference.recogniser import Recogniser

pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")
pytest.importorskip("av")

EMOTIONS = ("glad", "cross", "glad", "glad", "cross")
LATE = 1.5


def grid(shift=0.0, **more):
    """A TextGrid of the call, with its emotions."""
    tiers = {who: [(a + shift, b + shift, words) for name, words, a, b, _ in TURNS if name == who] for who in ("Ann", "Bo")}
    emotions = [(a + shift, b + shift, label) for (_, _, a, b, _), label in zip(TURNS, EMOTIONS, strict=True)]
    return textgrid(**tiers, emotion=emotions, **more)


def eaf(media="", offset=None, emotions=EMOTIONS):
    """The same for ELAN, with the recording that it names, whose time `offset` in ms is the file's 0."""
    slots, tiers, number = [], "", 0

    def tier(name, rows):
        nonlocal tiers, number
        body = ""
        for start, end, text in rows:
            number += 1
            slots.append(f'<TIME_SLOT TIME_SLOT_ID="a{number}" TIME_VALUE="{round(1000 * start)}"/>')
            slots.append(f'<TIME_SLOT TIME_SLOT_ID="b{number}" TIME_VALUE="{round(1000 * end)}"/>')
            body += (
                f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="n{number}" TIME_SLOT_REF1="a{number}" '
                f'TIME_SLOT_REF2="b{number}"><ANNOTATION_VALUE>{text}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>'
            )
        tiers += f'<TIER LINGUISTIC_TYPE_REF="lt" TIER_ID="{name}">{body}</TIER>'

    back = (offset or 0) / 1000
    for who in ("Ann", "Bo"):
        tier(who, [(a - back, b - back, words) for name, words, a, b, _ in TURNS if name == who])
    tier("emotion", [(a - back, b - back, label) for (_, _, a, b, _), label in zip(TURNS, emotions, strict=False)])
    origin = "" if offset is None else f' TIME_ORIGIN="{offset}"'
    medium = f'<MEDIA_DESCRIPTOR MEDIA_URL="file:///gone/{media}" MIME_TYPE="audio/x-wav"{origin}/>' if media else ""
    return (
        f'<?xml version="1.0"?><ANNOTATION_DOCUMENT><HEADER TIME_UNITS="milliseconds">{medium}</HEADER>'
        f'<TIME_ORDER>{"".join(slots)}</TIME_ORDER>{tiers}<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="lt"/></ANNOTATION_DOCUMENT>'
    )


@pytest.fixture(scope="module")
def call():
    return wav(stereo(), RATE)


@pytest.fixture(scope="module")
def annotator(judge):
    return load(judge)


@pytest.fixture
def judged(monkeypatch):
    """The conversations that annotation gives its model, with their features."""
    found = []
    judge = Recogniser.judge

    def kept(self, conversations, *more, **named):
        found.extend(conversations)
        return judge(self, conversations, *more, **named)

    monkeypatch.setattr(Recogniser, "judge", kept)
    return found


def rows(corpus):
    return [c.features.get(PRAAT.key) for c in corpus.conversations]


def check_alike(corpus, annotated):
    """A corpus of one talk has what annotation made of the same: sound, speakers and times."""
    (conversation,) = corpus.conversations
    (other,) = annotated
    assert corpus.feature_schema == (PRAAT,)
    assert not np.isnan(other.features[PRAAT.key]).all(axis=1).any()
    np.testing.assert_array_equal(conversation.features[PRAAT.key], other.features[PRAAT.key])
    plain = lambda c: [(u.speaker, u.words, u.start, u.end, u.channel) for u in c.utterances]  # noqa: E731
    assert plain(conversation) == plain(other)


def correct(path):
    """Gives another emotion to the first utterance of what annotation wrote, as a person would; in JSON to each in turn."""
    text = path.read_text()
    if path.suffix == ".json":
        text = text.replace('"label": null', '"label": "calm"', 1).replace('"label": null', '"label": "cross"', 1)
    else:
        text = re.sub(r'([,\t"]|ANNOTATION_VALUE>)(?:glad|cross)(?=[,\t"<])', r"\1calm", text, count=1)
    path.write_text(text)


@pytest.mark.parametrize("channels", ["mixed", "speakers"])
@pytest.mark.parametrize(
    ("name", "text", "recording"),
    [
        ("call.TextGrid", grid(), "call.wav"),
        ("call_transcript.TextGrid", grid(), "call.wav"),
        ("session.eaf", eaf("call.wav"), "call.wav"),
        ("session.eaf", eaf("call.wav", offset=250), "call.wav"),
    ],
)
def test_a_corpus_hears_what_annotation_hears(name, text, recording, channels, call, annotator, judged, tmp_path):
    (tmp_path / recording).write_bytes(call)
    (tmp_path / name).write_text(text)
    annotator.annotate(tmp_path / recording, tmp_path / name, options=Options(channels=channels))
    arguments = ["data", "import", str(tmp_path), "--out", str(tmp_path / "store"), "--no-cache", "--channels", channels]
    assert main(arguments) in (0, None)
    corpus = open_store(tmp_path / "store")
    np.testing.assert_array_equal(rows(corpus)[0], judged[0].features[PRAAT.key])
    assert labels_of(corpus) == [list(EMOTIONS)]
    found = import_labelled(tmp_path / name, sound=SoundOptions(channels=channels))
    check_alike(found.corpus, judged)
    assert list(found.recordings.values()) == [tmp_path / recording]
    assert not any("left out" in each and recording in each for each in import_labelled(tmp_path).warnings)


@pytest.mark.parametrize("suffix", ["csv", "eaf", "textgrid", "json"])
def test_what_we_wrote_and_a_person_corrected_sounds_alike(suffix, call, judge, judged, tmp_path):
    (tmp_path / "call.wav").write_bytes(call)
    (tmp_path / "call.srt").write_text(srt())
    assert main(["annotate", str(tmp_path / "call.wav"), "--model", str(judge), "--no-cache", "--format", suffix]) == 0
    (written,) = tmp_path.glob("call.emotions.*")
    correct(written)
    corpus = import_labelled(tmp_path).corpus
    check_alike(corpus, judged)
    assert "calm" in corpus.label_set.names


def test_what_annotation_wrote_of_a_shifted_file_says_the_same(call, judge, judged, tmp_path):
    (tmp_path / "call.wav").write_bytes(call)
    (tmp_path / "session.eaf").write_text(eaf("call.wav", offset=250, emotions=()))
    formats = [word for name in ("eaf", "csv", "textgrid") for word in ("--format", name)]
    assert main(["annotate", str(tmp_path / "session.eaf"), "--model", str(judge), "--no-cache", *formats]) == 0
    for path in tmp_path.glob("*.emotions.*"):
        correct(path)
    check_alike(import_labelled(tmp_path).corpus, judged)
    (tmp_path / "session.emotions.csv").unlink()
    found = import_labelled(tmp_path).corpus
    np.testing.assert_array_equal(rows(found)[0], judged[0].features[PRAAT.key])


@pytest.mark.parametrize("clock", ["auto", "film"])
def test_a_sound_that_begins_late(clock, annotator, judged, tmp_path):
    film = encoded(stereo(), RATE, "matroska", codec="flac", layout="stereo", picture=True, at=(LATE,))
    (tmp_path / "call.mkv").write_bytes(film)
    (tmp_path / "call.TextGrid").write_text(grid())
    annotator.annotate(tmp_path / "call.mkv", options=Options(clock=clock))
    found = import_labelled(tmp_path, sound=SoundOptions(clock=clock))
    check_alike(found.corpus, judged)
    start = found.corpus.conversations[0].utterances[0].start
    assert start == pytest.approx(TURNS[0][2] + (LATE if clock == "auto" else 0))
    assert any("call.TextGrid: the recording's sound begins 1.50 s late" in each for each in found.warnings) == (clock == "auto")


def test_times_that_annotation_wrote_are_moved_once(annotator, judge, judged, tmp_path):
    film = encoded(stereo(), RATE, "matroska", codec="flac", layout="stereo", picture=True, at=(LATE,))
    (tmp_path / "call.mkv").write_bytes(film)
    (tmp_path / "call.json").write_text(whisper())
    chosen = ["--model", str(judge), "--no-cache", "--format", "tsv", "--clock", "sound"]
    assert main(["annotate", str(tmp_path / "call.mkv"), *chosen]) == 0
    correct(tmp_path / "call.emotions.tsv")
    check_alike(import_labelled(tmp_path).corpus, judged)
    annotator.annotate(tmp_path / "call.mkv", tmp_path / "call.emotions.tsv")
    assert [u.start for u in judged[1].utterances] == [u.start for u in judged[0].utterances]


def test_talks_without_a_recording_beside_those_with_one(call, tmp_path):
    put(tmp_path, one_TextGrid=grid(), two_TextGrid=grid(), sub__three_TextGrid=grid())
    (tmp_path / "sub/three.wav").write_bytes(call)
    found = import_labelled(tmp_path)
    assert [array is not None for array in rows(found.corpus)] == [False, True, False]
    assert found.warnings == ()
    assert [c.id for c in found.corpus.conversations] == ["one", "sub/three", "two"]
    alone = import_labelled(tmp_path / "one.TextGrid")
    assert (alone.corpus.feature_schema, alone.warnings, alone.recordings) == ((), (), {})


def test_sound_is_left_out_if_it_is_not_wanted(call, tmp_path, capsys):
    put(tmp_path / "talks", call_TextGrid=grid(), lost_eaf=eaf("lost.wav"))
    (tmp_path / "talks/call.wav").write_bytes(call)
    assert main(["data", "import", str(tmp_path / "talks"), "--no-sound", "--out", str(tmp_path / "store")]) in (0, None)
    assert open_store(tmp_path / "store").feature_schema == ()
    assert "warning" not in capsys.readouterr().err
    for option in (["--clock", "film"], ["--channels", "mixed"], ["--no-cache"]):
        assert main(["data", "import", str(tmp_path / "talks"), "--no-sound", *option, "--out", str(tmp_path / "other")]) == 2
        assert "which --no-sound leaves out" in " ".join(capsys.readouterr().err.replace("│", " ").split())
    (tmp_path / "chat.jsonl").write_text('{"id": "a", "utterances": [{"speaker": "Mia", "transcript": "well", "label": "x"}]}\n')
    assert main(["data", "import", str(tmp_path / "chat.jsonl"), "--no-sound", "--out", str(tmp_path / "other")]) == 2
    assert "it is for transcripts (layout 'labelled')" in " ".join(capsys.readouterr().err.replace("│", " ").split())


def test_what_is_wrong_with_recordings_is_said(call, tmp_path):
    late = textgrid(Ann=[(0.5, 1.7, "so happy"), (6.0, 9.0, "a long word"), (9.5, 9.9, "too late")], emotion=[(0.5, 1.7, "a")])
    put(
        tmp_path,
        late_TextGrid=late.replace('"a"', '"a"'),
        broken_TextGrid=grid(),
        lost_eaf=eaf("gone.wav"),
        other_eaf=eaf("elsewhere.wav"),
        twice_TextGrid=grid(),
        table_csv="dialogue,text,emotion\nb,hi,glad\nc,ho,cross",
        untimed_csv="text,emotion\nhi,glad\nho,cross",
    )
    for name in ("late.wav", "other.wav", "twice.wav", "twice.mp4", "table.wav", "untimed.wav"):
        (tmp_path / name).write_bytes(call)
    (tmp_path / "broken.wav").write_bytes(b"no sound at all")
    found = import_labelled(tmp_path)
    of = {c.id: c.features.get(PRAAT.key) for c in found.corpus.conversations}
    assert {name for name, array in of.items() if array is not None} == {"late", "other", "twice"}
    assert np.isnan(of["late"]).all(axis=1).tolist() == [False, False, True]
    assert found.recordings["twice"].name == "twice.wav"
    said = list(found.warnings)
    expected = (
        "late.wav: 1 of 3 utterances has no sound: the recording ends at 6.5 s (1)",
        "broken.wav is not heard: broken.wav can't be read as a recording",
        "1 recording is not beside the file with the labels, and so there is no sound: 'gone.wav of lost.eaf'",
        "other.eaf names the recording elsewhere.wav, which is not beside it; taken is other.wav, by the name of the file",
        "twice.TextGrid: the recording is twice.wav; not taken: 'twice.mp4'",
        "table.wav is not heard: table.csv holds 2 conversations; expected one",
        "untimed.wav: 2 of 2 utterances have no sound: no time is known (2)",
    )
    for sentence in expected:
        matching = [each for each in said if sentence in each]
        assert len(matching) == 1, (sentence, said)
        said.remove(matching[0])
    assert [each for each in said if "speaker" not in each] == []


def test_one_warning_if_an_extra_is_missing(call, monkeypatch, tmp_path):
    put(tmp_path, one_TextGrid=grid(), two_TextGrid=grid())
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_bytes(call)

    def lacks(*_):
        raise MissingExtraError("annotate", "the sound encoder 'praat'")

    with monkeypatch.context() as patched:
        patched.setattr("merc.encoders.resolver.PraatEncoder", lacks)
        found = import_labelled(tmp_path)
    assert found.corpus.feature_schema == ()
    (said,) = found.warnings
    assert said.startswith(
        "one.wav and 1 other recording are not heard: the sound encoder 'praat' needs the optional extra 'annotate'"
    )
    monkeypatch.setattr("merc.annotation.media.decoding.importlib.util.find_spec", lambda name: None)
    found = import_labelled(tmp_path)
    assert found.corpus.feature_schema == ()
    (said,) = found.warnings
    assert said.startswith("one.wav and 1 other recording are not heard: reading them needs the optional extra 'annotate'")


def test_progress_counts_the_seconds_of_all_recordings(call, tmp_path):
    put(tmp_path, one_TextGrid=grid(), two_TextGrid=grid())
    for name in ("one.wav", "two.wav"):
        (tmp_path / name).write_bytes(call)
    told = []
    import_labelled(tmp_path, hook=lambda *given: told.append(given))
    heard = [(done, total) for stage, done, total in told if stage == "listening"]
    assert [done for done, _ in heard] == sorted(done for done, _ in heard)
    assert heard[0][0] < 2 and 12 < heard[-1][0] <= 13
    assert {total for _, total in heard} == {13.0}
    assert ("reading files", 1, 2) in told


def test_what_annotation_kept_is_not_made_again(call, monkeypatch, tmp_path):
    put(tmp_path / "talks", call_TextGrid=grid())
    (tmp_path / "talks/call.wav").write_bytes(call)
    first = import_labelled(tmp_path / "talks", sound=SoundOptions(cache=tmp_path / "cache"))
    encoded = []
    rows_of = FeatureCache.rows

    def counted(self, name, version, dimension, contents, encode):
        return rows_of(self, name, version, dimension, contents, lambda places: encoded.append(places) or encode(places))

    monkeypatch.setattr(FeatureCache, "rows", counted)
    again = import_labelled(tmp_path / "talks", sound=SoundOptions(cache=tmp_path / "cache"))
    assert encoded == []
    np.testing.assert_array_equal(rows(first.corpus)[0], rows(again.corpus)[0])


@pytest.mark.skipif(os.name != "posix", reason="rights of files")
def test_who_may_not_hear_the_recording_may_not_read_the_store(call, tmp_path):
    put(tmp_path / "talks", call_TextGrid=grid())
    recording = tmp_path / "talks/call.wav"
    recording.write_bytes(call)
    recording.chmod(0o600)
    arguments = [str(tmp_path / "talks/call.TextGrid"), "--no-cache", "--out", str(tmp_path / "store")]
    assert main(["data", "import", *arguments]) in (0, None)
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "store").rglob("*") if path.is_file()} == {0}


def test_a_store_in_the_way_is_an_error_before_the_work(call, monkeypatch, tmp_path, capsys):
    put(tmp_path / "talks", call_TextGrid=grid())
    (tmp_path / "talks/call.wav").write_bytes(call)
    (tmp_path / "store").mkdir()
    (tmp_path / "store/mine.txt").touch()
    monkeypatch.setattr("merc.annotation.labelled.sound.sound_features", None)
    assert main(["data", "import", str(tmp_path / "talks"), "--no-cache", "--out", str(tmp_path / "store")]) == 2
    assert "exists and is not a store" in capsys.readouterr().err
