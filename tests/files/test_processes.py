"""Worker processes: they end with their parent, leave Ctrl-C to it, and each may be killed alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from merc.files.processes import in_processes

PARENT = """
import os, sys, time
from merc.files.processes import executor

if __name__ == "__main__":
    worker = executor(time.time, ())
    print(worker.submit(os.getpid).result(), flush=True)
    time.sleep(60)
"""


def begin(seconds: float) -> None:
    time.sleep(seconds)


def end(how: str) -> str:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "ctrl-c":
        os.kill(os.getpid(), signal.SIGINT)
    return how


def test_one_that_is_killed_takes_no_others_work_with_it():
    tasks = ["fine", "killed", "ctrl-c", "fine"]
    found = list(in_processes(end, tasks, 2, begin, (0.0,)))
    assert sorted(map(str, found)) == sorted(map(str, [(how, None if how == "killed" else how) for how in tasks]))


@pytest.mark.skipif(sys.platform != "linux", reason="/proc tells what runs")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_ends_when_its_parent_is_gone(tmp_path, sent):
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = Path(f"/proc/{int(parent.stdout.readline())}/stat")
        assert worker.exists()
        parent.send_signal(sent)
        until = time.monotonic() + 20
        while worker.exists() and worker.read_text().split(")")[1].split()[0] != "Z" and time.monotonic() < until:
            time.sleep(0.05)
        assert time.monotonic() < until, "the worker is left"
