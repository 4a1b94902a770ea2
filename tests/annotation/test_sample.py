"""The sample: a spoken dialogue with its transcript where espeak-ng is, else the transcript alone; the same every time."""

import shutil
import wave

import numpy as np
import pytest

from encoders.voices import needs_espeak
from merc.annotation import sample
from merc.annotation.media.sources import given
from merc.annotation.sample import make_sample
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError


@needs_espeak
def test_it_is_spoken_with_a_voice_in_each_channel(tmp_path):
    made = make_sample(tmp_path / "new" / "sample")
    assert made.path == tmp_path / "new" / "sample" / "dialogue.wav" and "synthetic" in made.notes[0]
    assert {p.name for p in made.path.parent.iterdir()} == {"dialogue.wav", "dialogue.srt", "README.txt"}
    turns = read_transcript(made.path.with_suffix(".srt")).utterances
    assert given(made.path).transcript == made.path.with_suffix(".srt")
    with wave.open(str(made.path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").reshape(-1, 2)
        rate = file.getframerate()
    energy = np.square(samples.astype(np.float64))
    for turn in turns:
        own = ("Mara", "Theo").index(turn.speaker)
        part = energy[round(turn.start * rate) : round(turn.end * rate)]
        assert part[:, own].mean() > 1e4 and part[:, 1 - own].max() == 0
    spoken = sum(turn.end - turn.start for turn in turns)
    assert len(turns) == 16 and spoken + 17 * 0.4 == pytest.approx(len(samples) / rate, abs=0.05)


@needs_espeak
def test_it_is_the_same_every_time(tmp_path):
    first, second = make_sample(tmp_path / "a").path, make_sample(tmp_path / "b").path
    assert first.read_bytes() == second.read_bytes()
    assert make_sample(tmp_path / "a").path.read_bytes() == second.read_bytes()


def test_without_a_voice_the_words_are_left(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    made = make_sample(tmp_path)
    assert made.path == tmp_path / "dialogue.csv" and "espeak-ng is not installed" in made.notes[0]
    turns = read_transcript(made.path).utterances
    assert len(turns) == 16 and {turn.speaker for turn in turns} == {"Mara", "Theo"}
    assert turns[6].words == "Whatever it says, you played beautifully."
    assert turns[8].words == "Oh, that is wonderful! I am so happy for you!"


@pytest.mark.parametrize("script", ["exit 1", "echo this is no sound", "cat > /dev/null"])
def test_a_voice_that_fails_leaves_the_words(tmp_path, monkeypatch, script):
    program = tmp_path / "espeak-ng"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(program))
    made = make_sample(tmp_path / "sample")
    assert made.path.suffix == ".csv" and "espeak-ng failed" in made.notes[0]


def test_a_voice_that_hangs_leaves_the_words(tmp_path, monkeypatch):
    program = tmp_path / "espeak-ng"
    program.write_text("#!/bin/sh\nexec sleep 30\n")
    program.chmod(0o755)
    monkeypatch.setattr(shutil, "which", lambda _name: str(program))
    monkeypatch.setattr(sample, "SECONDS_TO_SPEAK", 0.2)
    assert "TimeoutExpired" in make_sample(tmp_path / "sample").notes[0]


def test_a_place_that_can_not_be_written_to(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="the sample can't be written there"):
        make_sample(tmp_path / "file" / "sample")
