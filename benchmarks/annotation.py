"""Speed and memory of `merc annotate`: a recording with a transcript, words and sound, encoders included.

    python benchmarks/annotation.py [--minutes 10] [--model RUN] [--json FILE]

The recording is made here: voiced syllables of changing pitch in place of speech, twelve words every four seconds, two speakers,
16 kHz mono wav. What is said means nothing; its amount is that of talk. Each length runs in a process of its own, once without
and once with the features in the cache. Memory is the process's peak.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measurement import Turns, peak_memory
from rich.console import Console
from rich.table import Table
from scipy.io import wavfile

RATE = 16_000  # Hz
TURN, SPOKEN = 4.0, 3.6  # s from one turn's start to the next, and of it spoken
WORDS = ("well", "i", "did", "not", "know", "that", "you", "would", "come", "back", "so", "soon", "it", "makes", "me", "happy")
TARGET = 30.0  # times real time, on two cores


def make_recording(folder: Path, minutes: float) -> tuple[Path, Path]:
    """A wav and its transcript as csv."""
    random = np.random.default_rng(0)
    times = np.arange(round(SPOKEN * RATE)) / RATE
    count = round(60 * minutes / TURN)
    samples = random.normal(0, 30, round(count * TURN * RATE)).astype(np.int16)
    rows = ["start,end,speaker,words"]
    for turn in range(count):
        pitch = random.uniform(90, 260) * (1 + 0.1 * np.sin(2 * np.pi * random.uniform(0.3, 1) * times))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        voice = sum(np.cos(k * phase) / k for k in range(1, 16)) * np.sin(np.pi * times * 4) ** 2
        first = round(turn * TURN * RATE)
        samples[first : first + len(times)] += (3000 * voice).astype(np.int16)
        words = " ".join(random.choice(WORDS, 12))
        rows.append(f"{turn * TURN:.3f},{turn * TURN + SPOKEN:.3f},{'Ann' if random.random() < 0.5 else 'Bo'},{words}")
    wavfile.write(folder / "talk.wav", RATE, samples)
    (folder / "talk.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / "talk.wav", folder / "talk.csv"


def annotate_once(folder: Path, model: str | None, cached: bool) -> dict[str, Any]:
    """Annotates and writes, and tells CPU and wall time by stage."""
    from merc.annotation.annotator import annotate
    from merc.annotation.export.files import write_files
    from merc.annotation.options import Options
    from merc.inference.loading import load

    stages: dict[str, list[float]] = {}
    current, since = "loading", (time.perf_counter(), time.process_time())

    def switch(to: str) -> None:
        nonlocal current, since
        now = (time.perf_counter(), time.process_time())
        spent = stages.setdefault(current, [0.0, 0.0])
        spent[0], spent[1] = spent[0] + now[0] - since[0], spent[1] + now[1] - since[1]
        current, since = to, now

    started = since
    loaded, options = load(model), Options(cache=folder / "cache")
    switch("transcript")
    recording = folder / "talk.wav", folder / "talk.csv"
    found = annotate(*recording, model=loaded, options=options, hook=lambda what, _done, _total: switch(what))
    switch("writing")
    write_files(found, folder / "talk.wav")
    switch("")
    seconds, peak = found.origin.duration or 0.0, peak_memory()
    wall, cpu = time.perf_counter() - started[0], time.process_time() - started[1]
    return {
        "minutes": seconds / 60,
        "utterances": len(found.utterances),
        "cached": cached,
        "real_time": seconds / wall,
        "real_time_per_cpu": seconds / cpu,
        "peak_gib": peak,
        "stages_cpu_seconds": {name: spent[1] for name, spent in stages.items()},
        "gemm_gflop_per_cpu_second": gemm_gflop_per_cpu_second(),
        "threads": torch.get_num_threads(),
    }


def gemm_gflop_per_cpu_second() -> float:
    """How fast the machine is at present; see `measurement`."""
    turns = Turns(products=20)
    turns.pause()
    return turns.gflop / turns.gemm_cpu


def table_of(rows: list[dict[str, Any]]) -> Table:
    """The figures beside their target."""
    table = Table(title="merc annotate: words and sound of a recording with a transcript")
    for heading in (
        "minutes",
        "utterances",
        "features",
        "times real time",
        "per CPU second",
        "peak memory, GiB",
        "CPU seconds by stage",
    ):
        table.add_column(heading, justify="left" if heading in ("features", "CPU seconds by stage") else "right")
    for row in rows:
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in row["stages_cpu_seconds"].items() if name)
        features = "from the cache" if row["cached"] else "made"
        target = f"{row['real_time']:.0f} (>= {TARGET:.0f})"
        figures = (f"{row['minutes']:.0f}", str(row["utterances"]), features, target, f"{row['real_time_per_cpu']:.0f}")
        table.add_row(*figures, f"{row['peak_gib']:.2f}", stages)
    return table


def main() -> None:
    """Parses, measures, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, nargs="+", default=[10.0, 40.0], help="lengths of the recordings")
    parser.add_argument("--model", help="a run or a saved model; by default the shipped one")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--once", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--cached", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # what ONNX Runtime is given
    if arguments.once is not None:
        print(json.dumps(annotate_once(arguments.once, arguments.model, arguments.cached)))
        return
    rows: list[dict[str, Any]] = []
    for minutes in arguments.minutes:
        with tempfile.TemporaryDirectory() as folder:
            make_recording(Path(folder), minutes)
            for cached in (False, True):
                command = [sys.executable, str(Path(__file__).resolve()), "--once", folder, "--threads", str(arguments.threads)]
                command += ["--model", arguments.model] if arguments.model else []
                command += ["--cached"] if cached else []
                rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    Console(width=None if sys.stdout.isatty() else 160).print(table_of(rows))
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
