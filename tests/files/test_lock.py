"""Locks between processes: one holder at a time, whatever becomes of the others, and nothing is left lying."""

import signal
import subprocess
import sys

import pytest

from merc.files.lock import locked_folder

# Adds 1 to a number in a file, as no two processes may do at once.
COUNT = """
import sys
from pathlib import Path
from merc.files.lock import locked_folder

folder, count = Path(sys.argv[1]), Path(sys.argv[2])
for _ in range(100):
    with locked_folder(folder):
        number = int(count.read_text() or 0)
        count.write_text("")
        count.write_text(str(number + 1))
"""

HOLD = """
import signal, sys
from pathlib import Path
from merc.files.lock import locked_folder

with locked_folder(Path(sys.argv[1])):
    print("held", flush=True)
    signal.pause()
"""


def start(program, *arguments):
    return subprocess.Popen([sys.executable, "-c", program, *map(str, arguments)], stdout=subprocess.PIPE)


def test_several_processes_wait_for_one_another(tmp_path):
    """The file of a lock goes with each lock: a process that waits must not take the file that is gone for the lock."""
    count = tmp_path / "count"
    count.write_text("")
    counters = [start(COUNT, tmp_path / "folder", count) for _ in range(4)]
    assert [counter.communicate() and counter.returncode for counter in counters] == [0] * 4
    assert count.read_text() == "400"
    assert list(tmp_path.iterdir()) == [count]


@pytest.mark.parametrize("way", [lambda folder: folder, lambda folder: folder.parent / "link", lambda folder: folder / ".." / "x"])
def test_a_lock_that_another_holds_is_not_had_until_the_other_is_killed(tmp_path, monkeypatch, way):
    folder = tmp_path / "x"
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)
    holder = start(HOLD, "x")
    assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
    with locked_folder(way(folder), wait=False) as held:
        assert not held
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    for _ in range(2):
        with locked_folder(way(folder), wait=False) as held:
            assert held
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "x"]


def test_the_lock_is_given_back_after_an_error(tmp_path):
    with pytest.raises(KeyError), locked_folder(tmp_path / "x"):
        raise KeyError
    with locked_folder(tmp_path / "x", wait=False) as held:
        assert held
