"""A sample to annotate: a dialogue that was written for this project, spoken by espeak-ng where that is installed.

It is synthetic: a speech synthesiser reads invented lines in two voices, one in each channel. Such voices express no emotion, so
the sound adds little; the sample shows how annotation works.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import time
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from merc.errors import DataError
from merc.files.shapes import Int16
from merc.files.staged_file import sweep_temporaries, write_together

RATE = 22_050  # Hz, espeak-ng's own
PAUSE = 0.4  # s before, between and after turns
VOICES = {"Mara": ("en-us+f3", "170", "55"), "Theo": ("en-us+m3", "165", "45")}  # espeak-ng's voice, words a minute, pitch
SECONDS_TO_SPEAK = 60.0  # for one turn; espeak-ng takes hundredths
LINES = Path(__file__).parents[1] / "assets" / "sample.csv"
README = b"""A synthetic sample for merc: a dialogue that was written for this project, read by two of espeak-ng's voices.
No person is heard in it, and nothing in it happened.
"""


@dataclass(frozen=True, slots=True)
class SampleRecording:
    """What was made.

    Attributes:
        path: of the file to annotate: a recording with its transcript beside it, or the transcript alone.
        notes: what a user should know, a sentence each.
    """

    path: Path
    notes: tuple[str, ...]


def make_sample(folder: str | Path) -> SampleRecording:
    """Writes the sample: `dialogue.wav` with `dialogue.srt`, or `dialogue.csv` where nothing can speak; and a README.txt.

    Args:
        folder: made if need be; an earlier sample in it is replaced.

    Raises:
        DataError: the folder can't be made or written to.
    """
    folder, lines = Path(folder), LINES.read_bytes()
    files, note = {"dialogue.csv": lines}, "the sample is a written dialogue, to be judged by its words alone: "
    program = shutil.which("espeak-ng")
    if program is None:
        note += "espeak-ng is not installed"
    else:
        try:
            files = _spoken(program, list(csv.DictReader(io.StringIO(lines.decode()))))
            note = "the sample is synthetic: a written dialogue, read by two of espeak-ng's voices, one in each channel"
        except (OSError, subprocess.SubprocessError, ValueError, EOFError, wave.Error) as error:
            note += f"espeak-ng failed ({type(error).__name__})"
    try:
        sweep_temporaries(folder)
        write_together(folder, {"README.txt": README, **files})
    except OSError as error:
        raise DataError(f"{folder}: the sample can't be written there: {error.strerror or error}") from error
    return SampleRecording(folder / list(files)[-1], (note,))


def _spoken(program: str, turns: Sequence[dict[str, str]]) -> dict[str, bytes]:
    """Name -> content of the transcript and the recording, in which each speaker has a channel.

    Raises:
        OSError, subprocess.SubprocessError, ValueError, EOFError, wave.Error: espeak-ng can't be run, fails, hangs, or writes
            something else.
    """
    silence = np.zeros((round(PAUSE * RATE), 2), dtype=np.int16)
    parts, subtitles, reached = [silence], list[str](), len(silence)
    for number, turn in enumerate(turns, start=1):
        samples = _speak(program, turn["speaker"], turn["words"])
        both = np.zeros((len(samples), 2), dtype=np.int16)
        both[:, list(VOICES).index(turn["speaker"])] = samples
        times = f"{_timestamp(reached)} --> {_timestamp(reached + len(both))}"
        subtitles.append(f"{number}\n{times}\n{turn['speaker']}: {turn['words']}\n")
        parts += [both, silence]
        reached += len(both) + len(silence)
    recording = io.BytesIO()
    with wave.open(recording, "wb") as file:
        file.setparams((2, 2, RATE, reached, "NONE", "not compressed"))
        file.writeframes(np.concatenate(parts).tobytes())
    return {"dialogue.srt": "\n".join(subtitles).encode(), "dialogue.wav": recording.getvalue()}


def _speak(program: str, speaker: str, words: str) -> Int16[np.ndarray, " _"]:
    """One turn as (N,) samples at `RATE`."""
    voice, speed, pitch = VOICES[speaker]
    command = [program, "--stdin", "--stdout", "-v", voice, "-s", speed, "-p", pitch]
    done = subprocess.run(command, input=words.encode(), capture_output=True, check=True, timeout=SECONDS_TO_SPEAK)
    # In a pipe espeak-ng can't go back and write the length, so the header's is not true.
    with wave.open(io.BytesIO(done.stdout)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise ValueError("another kind of sound than 16 bits, mono")
        samples = np.frombuffer(file.readframes(len(done.stdout)), dtype=np.int16)
    if not len(samples):
        raise ValueError("no sound")
    return samples


def _timestamp(samples: int) -> str:
    """As SubRip writes times."""
    seconds, milliseconds = divmod(round(1000 * samples / RATE), 1000)
    return f"{time.strftime('%H:%M:%S', time.gmtime(seconds))},{milliseconds:03d}"
