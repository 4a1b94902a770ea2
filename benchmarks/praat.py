"""CPU time of Praat's measurements: `PraatEncoder` beside the same numbers by Praat's own commands alone, clip by clip in turns.

    python benchmarks/praat.py [--seconds 300]

The clips are speech of espeak-ng where it is installed, else buzzes, noises and pauses; 1 to 10 s, in soft noise.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import parselmouth
from rich.console import Console
from rich.table import Table

from merc.encoders.audio import praat

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from encoders.audio import praat_twin
from encoders.voices import RATE, chirps, espeak

TALK = "well i did not know that you would come back so soon and it makes me happy why were they all laughing about us"
VOICES = ("en", "en+f3", "en-us+m5", "de", "fr", "en+f1", "es", "en+croak")
MEASUREMENTS = {
    "intensity": (praat_twin.intensity, praat._intensity),
    "pitch": (praat_twin.pitch, praat._pitch),
    "articulation rate": (praat_twin.articulation_rate, praat._articulation_rate),
    "harmonicity": (praat_twin.harmonicity, praat._harmonicity),
}


def clips(seconds: float) -> Iterator[np.ndarray]:
    """Utterances of so many seconds altogether."""
    generator, made, seed = np.random.default_rng(0), 0.0, 0
    while made < seconds:
        if shutil.which("espeak-ng"):
            words = " ".join(generator.choice(TALK.split(), generator.integers(3, 25)))
            clip = espeak(words, VOICES[seed % len(VOICES)], int(generator.integers(130, 220)))
        else:
            clip = chirps(seed)
        clip = clip[: 10 * RATE] + generator.normal(0, 10 ** generator.uniform(-4, -2), len(clip[: 10 * RATE])).astype(np.float32)
        made, seed = made + len(clip) / RATE, seed + 1
        if len(clip) >= RATE:
            yield clip


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=300.0, help="of sound")
    seconds = parser.parse_args().seconds
    spent: Counter[tuple[str, str]] = Counter()

    def timed(which: str, what: str, work: Callable[[Any], object], given: object) -> None:
        started = time.process_time()
        work(given)
        spent[which, what] += time.process_time() - started

    warnings.simplefilter("ignore", parselmouth.PraatWarning)
    encoder, heard = praat.PraatEncoder(), 0.0
    encoder.encode([chirps(0)])
    for clip in clips(seconds):
        heard += len(clip) / RATE
        sound = parselmouth.Sound(clip.astype(np.float64), sampling_frequency=RATE)
        for what, (by_commands, measure) in MEASUREMENTS.items():
            timed("commands", what, by_commands, sound)
            timed("encoder", what, measure, sound)
        timed("commands", "all", praat_twin.functionals, clip)
        timed("encoder", "all", encoder.encode, [clip])
    table = Table("measurement", "Praat's commands, CPU ms per s of sound", "PraatEncoder", "ratio")
    for what in (*MEASUREMENTS, "all"):
        before, after = spent["commands", what], spent["encoder", what]
        table.add_row(what, f"{1000 * before / heard:.2f}", f"{1000 * after / heard:.2f}", f"{after / before:.2f}")
    Console(width=None if sys.stdout.isatty() else 120).print(table)


if __name__ == "__main__":
    main()
