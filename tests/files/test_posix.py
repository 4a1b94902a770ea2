"""What only POSIX has, on POSIX and as it is elsewhere."""

import os
import signal
import socket
import subprocess
import sys
import threading

import pytest

from merc.files import posix


@pytest.fixture
def ctrl_c_interrupts():
    """Also where the tests were started in the background, which ignores Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.skipif(not posix.POSIX, reason="not POSIX")
def test_ctrl_c_is_held_back_not_lost(ctrl_c_interrupts):
    with pytest.raises(KeyboardInterrupt):
        for passed in range(2):
            with posix.block_sigint():
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)
                assert passed == 0


@pytest.mark.skipif(not posix.POSIX, reason="not POSIX")
def test_ctrl_c_that_the_system_gives_to_another_thread_is_held_back_too(ctrl_c_interrupts):
    end = threading.Event()
    other = threading.Thread(target=end.wait)
    other.start()
    ended = False
    arrived, writing = socket.socketpair()  # the interpreter writes a byte when a signal has arrived
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno())
    try:
        with pytest.raises(KeyboardInterrupt):
            for passed in range(2):
                with posix.block_sigint():
                    signal.pthread_kill(other.ident, signal.SIGINT)
                    arrived.recv(1)
                    assert passed == 0
                    ended = True
        assert ended
    finally:
        signal.set_wakeup_fd(before)
        arrived.close()
        writing.close()
        end.set()
        other.join()


def test_elsewhere_nothing_is_done(monkeypatch):
    monkeypatch.setattr(posix, "POSIX", False)
    monkeypatch.delattr(os, "setpgrp", raising=False)
    monkeypatch.delattr(signal, "pthread_sigmask", raising=False)
    with posix.block_sigint():
        posix.leave_terminal()


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_the_cores_are_those_that_the_process_may_use():
    program = "import os; from merc.files import posix; os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; print(posix.usable_cores())"], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"
    assert posix.usable_cores() == len(os.sched_getaffinity(0))


def test_without_affinity_they_are_those_of_the_machine(monkeypatch):
    monkeypatch.delattr(posix.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(posix.os, "cpu_count", lambda: 5)
    assert posix.usable_cores() == 5
    monkeypatch.setattr(posix.os, "cpu_count", lambda: None)
    assert posix.usable_cores() == 1


@pytest.mark.skipif(not posix.POSIX, reason="not POSIX")
def test_a_file_is_as_private_as_the_folders_above_it(tmp_path):
    for name, mode in (("private", 0o700), ("public", 0o755), ("private/inner", 0o755), ("group", 0o750)):
        (tmp_path / name).mkdir()
        (tmp_path / name).chmod(mode)
    said = [tmp_path / name / "said" for name in ("private/inner", "public", "group")]
    for path in said:
        path.touch()
        path.chmod(0o644)
    (tmp_path / "public" / "link").symlink_to(said[0])
    public = tmp_path / "public"
    assert posix.rights_like([said[0]], public) == posix.rights_like([public / "link"], public) == 0o600
    assert posix.rights_like([said[1]], public) == 0o644
    assert posix.rights_like([said[2]], public) == 0o640
    assert posix.rights_like([said[0]], tmp_path / "private") == 0o644, "the folder above guards both"
