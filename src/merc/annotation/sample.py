"""A sample to annotate: a dialogue that was written for this project, spoken by espeak-ng where that is installed.

It is synthetic: two voices of a machine read invented lines, one in each channel, and no person is heard. A machine's voice carries
no feeling, so its sound tells little; what it shows is how annotation works.
"""

from __future__ import annotations

import csv
import io
import shutil
import subprocess
import sys
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Int16

from merc.errors import DataError
from merc.files.staged_file import write_atomically

RATE = 22_050  # Hz, espeak-ng's own
PAUSE = 0.4  # s between two turns
VOICES = {"Mara": ("en-us+f3", "170", "55"), "Theo": ("en-us+m3", "165", "45")}  # espeak-ng's voice, words a minute, pitch
SECONDS_TO_SPEAK = 60.0  # for one turn; espeak-ng takes hundredths
LINES = Path(__file__).parents[1] / "assets" / "sample.csv"
README = """A synthetic sample for merc: a dialogue that was written for this project, read by two of espeak-ng's voices.
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
    folder = Path(folder)
    with LINES.open(encoding="utf-8", newline="") as file:
        turns = [(row["speaker"], row["words"]) for row in csv.DictReader(file)]
    program = shutil.which("espeak-ng")
    spoken: list[Int16[np.ndarray, " _"]] = []
    reason = "espeak-ng is not installed"
    if program is not None:
        try:
            spoken = [_speak(program, speaker, words) for speaker, words in turns]
        except (OSError, subprocess.SubprocessError, ValueError, EOFError, wave.Error) as error:
            spoken, reason = [], f"espeak-ng failed ({type(error).__name__})"
    files: dict[str, bytes] = {"README.txt": README.encode()}
    if spoken:
        samples, times = _conversation([speaker for speaker, _ in turns], spoken)
        files |= {"dialogue.srt": _subtitles(turns, times).encode(), "dialogue.wav": _wav(samples)}
        notes = ("the sample is synthetic: a written dialogue, read by two of espeak-ng's voices, one in each channel",)
    else:
        files |= {"dialogue.csv": _table(turns).encode()}
        notes = (f"the sample is a written dialogue, to be judged by its words alone: {reason}",)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            write_atomically(folder / name, content)
    except OSError as error:
        raise DataError(f"{folder}: the sample can't be written there: {error.strerror or error}") from error
    return SampleRecording(folder / list(files)[-1], notes)


def _speak(program: str, speaker: str, words: str) -> Int16[np.ndarray, " _"]:
    """One turn as (N,) samples at `RATE`.

    Raises:
        OSError, subprocess.SubprocessError, ValueError, EOFError, wave.Error: espeak-ng can't be run, fails, hangs, or writes
            something else.
    """
    voice, speed, pitch = VOICES[speaker]
    command = [program, "--stdin", "--stdout", "-v", voice, "-s", speed, "-p", pitch]
    done = subprocess.run(command, input=words.encode(), capture_output=True, check=True, timeout=SECONDS_TO_SPEAK)
    # In a pipe espeak-ng can't go back and write the length, so the header's is not true.
    with wave.open(io.BytesIO(done.stdout)) as file:
        if (file.getnchannels(), file.getsampwidth(), file.getframerate()) != (1, 2, RATE):
            raise ValueError("another kind of sound than 16 bits, mono")
        samples = np.frombuffer(file.readframes(len(done.stdout)), dtype="<i2").astype(np.int16)
    if not len(samples):
        raise ValueError("no sound")
    return samples


def _conversation(
    speakers: list[str], spoken: list[Int16[np.ndarray, " _"]]
) -> tuple[Int16[np.ndarray, "_ 2"], list[tuple[float, float]]]:
    """All turns one after the other, each speaker in a channel of their own; and start and end of each in s."""
    gap = round(PAUSE * RATE)
    samples = np.zeros((gap + sum(len(part) + gap for part in spoken), 2), dtype=np.int16)
    times: list[tuple[float, float]] = []
    start = gap
    for speaker, part in zip(speakers, spoken, strict=True):
        samples[start : start + len(part), list(VOICES).index(speaker)] = part
        times.append((start / RATE, (start + len(part)) / RATE))
        start += len(part) + gap
    return samples, times


def _wav(samples: Int16[np.ndarray, "_ 2"]) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((samples if sys.byteorder == "little" else samples.byteswap()).tobytes())
    return buffer.getvalue()


def _subtitles(turns: list[tuple[str, str]], times: list[tuple[float, float]]) -> str:
    def stamp(seconds: float) -> str:
        milliseconds = round(1000 * seconds)
        minutes, rest = divmod(milliseconds, 60_000)
        return f"00:{minutes:02d}:{rest // 1000:02d},{rest % 1000:03d}"

    blocks = [
        f"{number}\n{stamp(start)} --> {stamp(end)}\n{speaker}: {words}\n"
        for number, ((speaker, words), (start, end)) in enumerate(zip(turns, times, strict=True), start=1)
    ]
    return "\n".join(blocks)


def _table(turns: list[tuple[str, str]]) -> str:
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([("speaker", "words"), *turns])
    return buffer.getvalue()
