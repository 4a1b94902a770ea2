"""Which transcript belongs to which recording of a folder."""

import pytest

from merc.annotation.media.pairing import recordings_of, transcripts_beside, transcripts_of
from merc.annotation.transcripts.formats import SUFFIXES


@pytest.mark.parametrize(
    ("recording", "transcript"),
    [
        ("ferry.mp4", "ferry.srt"),
        ("ferry.mp4", "ferry.mp4.srt"),
        ("ferry.wav", "ferry.wav.json"),
        ("ferry.mp4", "ferry.wav.json"),
        ("ferry.webm", "ferry.en.vtt"),
        ("ferry.webm", "ferry.pt-BR.vtt"),
        ("ferry.webm", "ferry.en-orig.srt"),
        ("ferry.m4a", "ferry.transcript.vtt"),
        ("ferry_1920x1080.mp4", "ferry.transcript.vtt"),
        ("ferry_gvo_1280x720.mp4", "ferry.cc.vtt"),
        ("ferry.mp3", "ferry_transcript.txt"),
        ("ferry.mp3", "ferry - Transcript.txt"),
        ("ferry.mp3", "ferry.transcript.en.vtt"),
        ("ferry.MP3", "ferry.VTT"),
        ("fer.ry.mp3", "fer.ry.vtt"),
    ],
)
def test_a_name_as_tools_make_it(recording, transcript, tmp_path):
    assert transcripts_of([recording, transcript]) == {recording: (transcript,)}
    assert recordings_of([transcript, recording], [transcript]) == {transcript: (recording,)}
    for name in (recording, transcript):
        (tmp_path / name).touch()
    assert transcripts_beside(tmp_path / recording) == [tmp_path / transcript]


@pytest.mark.parametrize(
    "other", ["ferries.srt", "ferry2.srt", "ferry.emotions.srt", "ferry.emotions.json", "ferry.final.srt", ".srt"]
)
def test_names_that_tell_nothing(other):
    assert transcripts_of(["ferry.mp4", other]) == {"ferry.mp4": ()}


def test_our_own_results_are_no_transcripts():
    assert transcripts_of(["ferry.emotions.mp4", "ferry.emotions.srt"]) == {"ferry.emotions.mp4": ()}


def test_of_several_the_best_fit_then_english_then_the_kind():
    names = ["ferry.mp4", "ferry.de.srt", "ferry.en.vtt", "ferry.en.srt", *(f"ferry{suffix}" for suffix in reversed(SUFFIXES))]
    assert transcripts_of(names) == {
        "ferry.mp4": (*(f"ferry{suffix}" for suffix in SUFFIXES), "ferry.en.srt", "ferry.en.vtt", "ferry.de.srt")
    }


def test_what_fits_another_recording_better_is_not_taken():
    assert transcripts_of(["a.mp4", "a.en.mp4", "a.en.srt"]) == {"a.mp4": (), "a.en.mp4": ("a.en.srt",)}
    assert transcripts_of(["a.mp4", "a.wav", "a.wav.json"]) == {"a.mp4": (), "a.wav": ("a.wav.json",)}
    assert recordings_of(["a.mp4", "a.en.mp4", "a.wav"], ["a.en.srt", "a.wav.json"]) == {
        "a.en.srt": ("a.en.mp4",),
        "a.wav.json": ("a.wav",),
    }
    assert transcripts_of(["a.mp4", "a.wav", "a.srt"]) == {"a.mp4": ("a.srt",), "a.wav": ("a.srt",)}


def test_recordings_of_what_we_wrote():
    names = ["a.mp4", "a.wav", "b.en.mp3", "call.m4a.wav"]
    written = ["a.emotions.eaf", "b.en.emotions.csv", "b.emotions.csv", "call.m4a.emotions.json", "c.emotions.tsv"]
    assert recordings_of(names, written) == {
        "a.emotions.eaf": ("a.wav", "a.mp4"),
        "b.en.emotions.csv": ("b.en.mp3",),
        "b.emotions.csv": (),
        "call.m4a.emotions.json": ("call.m4a.wav",),
        "c.emotions.tsv": (),
    }
