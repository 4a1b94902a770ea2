"""Annotations of recordings whose sound begins late: the times of result and files are those that players show."""

import io

import pytest

from annotation.call import RATE, TRANSCRIPT, TURNS, open_file, stereo, whisper
from annotation.recordings import encoded
from merc.annotation.model import load
from merc.annotation.options import Options
from merc.cli import main

pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")
pytest.importorskip("av")

LATE = 1.5


@pytest.fixture(scope="module")
def annotator(judge):
    return load(judge)


@pytest.fixture(scope="module")
def film():
    return encoded(stereo(), RATE, "matroska", codec="flac", layout="stereo", picture=True, at=(LATE,))


@pytest.mark.parametrize("clock", ["auto", "sound"])
def test_a_recognisers_times_are_moved_to_the_film(annotator, film, clock):
    options = Options(clock=clock)
    found = annotator.annotate(io.BytesIO(film), open_file(whisper().encode()), transcript_name="call.json", options=options)
    assert [u.start for u in found.utterances] == pytest.approx([LATE + start for _, _, start, _, _ in TURNS])
    assert any(warning.endswith("they are moved by 1.50 s") for warning in found.warnings)
    there = annotator.annotate(io.BytesIO(film), list(found.utterances and _as_said(found)), options=Options(clock="film"))
    assert [u.probabilities for u in there.utterances] == [u.probabilities for u in found.utterances]


def _as_said(found):
    import merc

    return [merc.Utterance(u.id, u.speaker, u.words, u.start, u.end) for u in found.utterances]


def test_a_transcript_of_the_film_keeps_its_times(annotator, film):
    import dataclasses

    on_film = [dataclasses.replace(u, start=u.start + LATE, end=u.end + LATE) for u in TRANSCRIPT.utterances]
    found = annotator.annotate(io.BytesIO(film), on_film)
    assert [u.start for u in found.utterances] == [u.start for u in on_film]
    assert any(warning.endswith("its times are left as they are") for warning in found.warnings)
    assert annotator.annotate(io.BytesIO(film), on_film, options=Options(clock="film")).warnings == ()


def test_the_clock_is_an_option_of_the_command(film, judge, tmp_path, capsys):
    (tmp_path / "call.mkv").write_bytes(film)
    (tmp_path / "call.json").write_text(whisper())
    chosen = ["annotate", str(tmp_path / "call.mkv"), "--model", str(judge), "--no-cache", "--format", "srt"]
    for clock, first in (("sound", "00:00:02,000"), ("film", "00:00:00,500")):
        assert main([*chosen, "--clock", clock]) == 0
        assert (tmp_path / "call.emotions.srt").read_text().splitlines()[1].startswith(first)
        assert ("moved by 1.50 s" in " ".join(capsys.readouterr().err.split())) == (clock == "sound")
    assert main([*chosen, "--clock", "wall"]) == 2
