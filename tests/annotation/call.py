"""A call for tests: two voices of known pitch in two channels, their turns and words, as arrays, files and transcripts."""

import io
import json

import numpy as np

from annotation.turns import spoken, turns_of
from merc.annotation.transcripts.transcript import Transcript

RATE = 16_000  # Hz
# speaker, words, start, end, pitch of the buzz in Hz
TURNS = (
    ("Ann", "i am so happy today !", 0.5, 1.7, 220.0),
    ("Bo", "why ?", 1.9, 2.4, 110.0),
    ("Ann", "did you leave me ?", 2.6, 3.6, 230.0),
    ("Bo", "i am happy", 3.8, 4.6, 115.0),
    ("Bo", "why did you leave me", 5.0, 6.2, 120.0),
)
SECONDS = 6.5
TRANSCRIPT = Transcript(turns_of(*(spoken(words, who, start, end) for who, words, start, end, _ in TURNS)))


def buzz(pitch, seconds, amplitude=0.2):
    """Syllable-like bumps of a pulse train."""
    times = np.arange(round(seconds * RATE)) / RATE
    harmonics = np.arange(1, int(4000 / pitch) + 1)[:, None]
    wave = np.cos(2 * np.pi * pitch * harmonics * times).sum(axis=0)
    return amplitude * wave / np.abs(wave).max() * 10 ** (np.sin(np.pi * times / 0.2) ** 2 - 1)


def stereo(crosstalk=0.1):
    """(N, 2): Ann in channel 0, Bo in channel 1, each heard softly in the other."""
    samples = np.random.default_rng(0).normal(0, 1e-4, (round(SECONDS * RATE), 2))
    for who, _, start, end, pitch in TURNS:
        own = 0 if who == "Ann" else 1
        said = buzz(pitch, end - start)
        first = round(start * RATE)
        samples[first : first + len(said), own] += said
        samples[first : first + len(said), 1 - own] += crosstalk * said
    return samples.astype(np.float32)


def srt(names=True):
    """SubRip text."""

    def stamp(seconds):
        return f"00:00:{int(seconds):02},{round(1000 * (seconds % 1)):03}"

    blocks = [
        f"{n}\n{stamp(start)} --> {stamp(end)}\n{f'{who}: ' if names else ''}{words}\n"
        for n, (who, words, start, end, _) in enumerate(TURNS, 1)
    ]
    return "\n".join(blocks)


def whisper():
    """JSON as Whisper writes it, without speakers."""
    segments = [{"start": start, "end": end, "text": f" {words}."} for _, words, start, end, _ in TURNS]
    return json.dumps({"segments": segments})


def open_file(content):
    return io.BytesIO(content)
