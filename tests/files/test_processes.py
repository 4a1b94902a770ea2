"""Worker processes: they end with their parent, leave Ctrl-C to it, and each may be killed alone."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from merc.files.posix import POSIX
from merc.files.processes import in_processes, use_one_thread
from merc.files.staged_file import staged_file

PARENT = """
import os, signal, sys
from merc.files.processes import executor, submit
from merc.files.staged_file import staged_file

def write(folder):
    with staged_file(folder):
        print(os.getpid(), flush=True)
        signal.pause()

if __name__ == "__main__":
    submit(executor(os.getpid, ()), write, sys.argv[1]).result()
"""


def write_until_ended(folder: Path) -> None:
    with staged_file(folder):
        (folder / "fifo").open("w").close()  # waits for a reader
        signal.pause()


def read(folder: Path) -> None:
    (folder / "fifo").open().close()


def act(task: tuple[Callable[[Path], None], Path]) -> None:
    task[0](task[1])


@pytest.mark.skipif(not POSIX, reason="not POSIX")
def test_a_task_that_is_interrupted_removes_its_temporary_file(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    found = in_processes(act, [(write_until_ended, tmp_path), (read, tmp_path)], 2, os.getpid, ())
    assert next(found) == ((read, tmp_path), None)
    assert len(list(tmp_path.iterdir())) == 2
    found.close()
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"]


def end_oneself(_: int) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.skipif(not POSIX, reason="not POSIX")
def test_one_that_is_asked_to_end_takes_no_others_work_with_it():
    assert list(in_processes(end_oneself, [1, 2], 1, os.getpid, ())) == [(1, None), (2, None)]


def end(how: str) -> str:
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "ctrl-c":
        os.kill(os.getpid(), signal.SIGINT)
    return how


def test_one_that_is_killed_takes_no_others_work_with_it():
    tasks = ["fine", "killed", "ctrl-c", "fine"]
    found = list(in_processes(end, tasks, 2, os.getpid, ()))
    assert sorted(map(str, found)) == sorted(map(str, [(how, None if how == "killed" else how) for how in tasks]))


@pytest.mark.parametrize(("asked", "threads"), [({}, 1), ({"OMP_NUM_THREADS": "2"}, 3), ({"MKL_NUM_THREADS": "2"}, 3)])
def test_torch_has_one_thread_where_nobody_asked_for_more(monkeypatch, asked, threads):
    import torch

    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.delenv(name, raising=False)
    for name, number in asked.items():
        monkeypatch.setenv(name, number)
    before = torch.get_num_threads()
    torch.set_num_threads(3)  # what torch makes of the environment is its own affair
    try:
        use_one_thread()
        assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)


@pytest.mark.skipif(sys.platform != "linux", reason="Linux has descriptors of processes")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_a_worker_ends_when_its_parent_is_gone_and_leaves_nothing_behind(tmp_path, sent):
    program = tmp_path / "parent.py"
    program.write_text(PARENT)
    with subprocess.Popen([sys.executable, str(program), str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        worker = select.poll()
        worker.register(os.pidfd_open(int(parent.stdout.readline())), select.POLLIN)
        assert worker.poll(0) == []
        parent.send_signal(sent)
        assert worker.poll()  # waits for its end
    assert list(tmp_path.iterdir()) == [program]
