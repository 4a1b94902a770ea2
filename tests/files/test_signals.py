"""Signals that end a program."""

import signal

import pytest

from merc.files.posix import POSIX
from merc.files.signals import heeding_signals

pytestmark = pytest.mark.skipif(not POSIX, reason="not POSIX")


@pytest.fixture(autouse=True)
def handlers():
    """As a program begins with; pytest's come back."""
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("interrupt", [signal.default_int_handler, signal.SIG_IGN])
def test_a_signal_interrupts(number, interrupt):
    signal.signal(signal.SIGINT, interrupt)
    with pytest.raises(KeyboardInterrupt), heeding_signals() as came:
        try:
            signal.raise_signal(number)
        finally:
            assert came == [number]
    assert signal.getsignal(number) is signal.SIG_DFL


def test_who_handles_ctrl_c_handles_these():
    pressed = []
    with heeding_signals():
        signal.signal(signal.SIGINT, lambda number, _frame: pressed.append(number))
        signal.raise_signal(signal.SIGTERM)
    assert pressed == [signal.SIGINT]


def test_what_is_ignored_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with heeding_signals() as came:
        signal.raise_signal(signal.SIGHUP)
    assert not came and signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
