"""What one call of `merc annotate` costs as a whole process: a chat of two lines, a minute of a recording, hours of one.

    python benchmarks/light.py [--before FOLDER] [--minutes 1] [--rounds 5] [--threads 1] [--json FILE]

CPU seconds and peak memory of whole processes, nothing in the cache, each the median of the rounds. With --before, a checkout of
an older version runs in turns with this one, in the same environment, which must then hold all that the older one needs; what
counts is the ratio, as a busy machine slows both. Recordings are made as `benchmarks/annotation.py` makes them. Sizes of
environments, which are no matter of time, are measured by tests/test_installed.py.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table

from annotation import make_recording

HERE = Path(__file__).resolve().parents[1]
# The peak is read by the process itself: what the system tells its parent is the parent's own, if that is more.
PROGRAM = """
import sys
from merc.cli import main
code = main(sys.argv[2:])
status = open("/proc/self/status").read()
open(sys.argv[1], "w").write(status.split("VmHWM:")[1].split()[0])
sys.exit(code)
"""
Figures = dict[str, dict[str, dict[str, list[float]]]]
CHAT = "Ann: I got the job!\nBob: That is wonderful, congratulations.\n"


def whole_process(checkout: Path, words: list[str], threads: int) -> tuple[float, float]:
    """CPU seconds, and MiB of memory at most, of one process of a checkout's command line."""
    # What pip installs has bytecode, so a checkout has it, too.
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables = kept | {"PYTHONPATH": str(checkout / "src"), "OMP_NUM_THREADS": str(threads)}
    with tempfile.TemporaryFile() as log, tempfile.NamedTemporaryFile() as peak:
        command = [sys.executable, "-c", PROGRAM, peak.name, *words]
        process = subprocess.Popen(command, env=variables, cwd=tempfile.gettempdir(), stdout=log, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            raise RuntimeError(f"{checkout.name}: {' '.join(words)}: {log.read().decode(errors='replace')[-2000:]}")
        return used.ru_utime + used.ru_stime, int(peak.read()) / 1024


def measured(commands: dict[str, list[str]], checkouts: dict[str, Path], rounds: int, threads: int) -> Figures:
    """Command -> checkout -> `cpu` and `memory` of each round; the checkouts take turns."""
    found: Figures = {}
    for name, words in commands.items():
        runs = {checkout: {"cpu": [], "memory": []} for checkout in checkouts}
        for each in range(rounds + (rounds > 1)):
            for checkout, place in checkouts.items():
                cpu, memory = whole_process(place, words, threads)
                if each or rounds == 1:  # the first of several writes bytecode
                    runs[checkout]["cpu"].append(cpu)
                    runs[checkout]["memory"].append(memory)
        found[name] = runs
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, help="a checkout of an older version")
    parser.add_argument("--minutes", type=float, nargs="*", default=[1.0], help="of the recordings")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--threads", type=int, default=1, help="of libraries; on busy cores they cost CPU time by waiting for one another"
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    checkouts = {"now": HERE} if arguments.before is None else {"before": arguments.before.resolve(), "now": HERE}
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "chat.txt").write_text(CHAT, encoding="utf-8")
        last = ["--no-cache", "--json"]
        commands = {"--help": ["--help"], "chat of two lines": ["annotate", str(place / "chat.txt"), *last]}
        for minutes in arguments.minutes:
            own = place / f"{minutes:g}"
            own.mkdir()
            recording, transcript = make_recording(own, minutes)
            commands[f"{minutes:g} min of a recording"] = ["annotate", str(recording), "--transcript", str(transcript), *last]
        found = measured(commands, checkouts, arguments.rounds, arguments.threads)
    columns = [f"{what} {name}" for what in ("CPU s", "MiB") for name in checkouts]
    table = Table("command", *columns, "ratio of CPU", "ratio of memory")
    for name, runs in found.items():
        medians = {(what, c): statistics.median(run[what]) for c, run in runs.items() for what in ("cpu", "memory")}
        cells = [f"{medians['cpu', c]:.2f}" for c in checkouts] + [f"{medians['memory', c]:.0f}" for c in checkouts]
        ratios = [f"{medians[what, 'now'] / medians[what, 'before']:.3f}" if "before" in runs else "" for what in ("cpu", "memory")]
        table.add_row(name, *cells, *ratios)
    Console().print(table)
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
