"""Temporary files: gone whatever happens, swept where their writer was killed, never taken from one that lives."""

import os
import signal
import stat
import subprocess
import sys

import pytest

from merc.files import staged_file as module
from merc.files.posix import POSIX
from merc.files.staged_file import staged_file, sweep_temporaries, temporary_name, write_atomically, write_together

pytestmark = pytest.mark.skipif(not POSIX, reason="not POSIX")
KILLED = """
import os, signal, sys
from merc.files.staged_file import staged_file
with staged_file(sys.argv[1]) as staged:
    staged.write(b"what was said")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_what_a_killed_process_left_is_swept_and_what_is_being_written_is_not(tmp_path):
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL and len(names(tmp_path)) == 1
    with staged_file(tmp_path) as staged:
        sweep_temporaries(tmp_path)
        assert len(names(tmp_path)) == 1
        staged.commit(tmp_path / "real")
    assert names(tmp_path) == ["real"]


def test_only_files_of_our_names_are_swept(tmp_path):
    (tmp_path / temporary_name()).mkdir()
    (tmp_path / ".merc-mine.tmp").write_text("")
    os.mkfifo(tmp_path / temporary_name())
    (tmp_path / "target").write_text("")
    (tmp_path / temporary_name()).symlink_to("target")
    before = names(tmp_path)
    sweep_temporaries(tmp_path)
    assert names(tmp_path) == before
    sweep_temporaries(tmp_path / "nowhere")


def test_one_that_is_swept_before_it_is_locked_is_made_anew(tmp_path, monkeypatch):
    lock, swept = module.lock, []

    def late(descriptor):
        if not swept:
            swept.extend(names(tmp_path))
            sweep_temporaries(tmp_path)
        return lock(descriptor)

    monkeypatch.setattr(module, "lock", late)
    write_atomically(tmp_path / "real", b"x")
    assert len(swept) == 1 and names(tmp_path) == ["real"]


def test_without_locks_files_are_written_and_nothing_is_swept(tmp_path, monkeypatch):
    def unsupported(*_, **__):
        raise OSError("no locks")

    monkeypatch.setattr("merc.files.posix.lock", unsupported)
    monkeypatch.setattr(module, "lock", unsupported)
    left = tmp_path / temporary_name()
    left.write_text("")
    write_atomically(tmp_path / "real", b"x")
    sweep_temporaries(tmp_path)
    assert sorted(names(tmp_path)) == sorted([left.name, "real"])


@pytest.mark.parametrize(("umask", "asked", "expected"), [(0o022, 0o666, 0o644), (0o077, 0o666, 0o600), (0o022, 0o640, 0o640)])
def test_the_umask_holds(tmp_path, umask, asked, expected):
    before = os.umask(umask)
    try:
        write_atomically(tmp_path / "x", b"x", asked)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == expected


def test_the_rights_of_an_older_file_are_not_widened(tmp_path):
    for rights in (0o600, 0o640):
        (tmp_path / "x").write_text("")
        (tmp_path / "x").chmod(rights)
        write_atomically(tmp_path / "x", b"new")
        assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == rights


def test_no_file_gets_its_name_before_all_are_on_the_disk(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    synced = []

    def sync(descriptor):
        synced.append(descriptor)
        if len(synced) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(module.os, "fsync", sync)
    with pytest.raises(OSError, match="No space left"):
        write_together(tmp_path, {"a": b"new", "b": b"new"})
    assert names(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "old"
    synced.clear()
    with pytest.raises(OSError, match="No space left"):
        write_together(tmp_path / "x" / "y", {"a": b"new", "b": b"new"})
    assert names(tmp_path) == ["a"]
