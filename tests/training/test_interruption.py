"""Ctrl-C is noted once, obeyed twice, and given back."""

import signal
import threading

import pytest

from merc.training.interruption import interruption


def test_the_first_is_noted_the_second_obeyed_and_the_handler_put_back():
    before = signal.getsignal(signal.SIGINT)
    with interruption() as asked:
        assert not asked()
        signal.raise_signal(signal.SIGINT)
        assert asked()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_the_handler_is_put_back_after_an_error():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ZeroDivisionError), interruption():
        raise ZeroDivisionError
    assert signal.getsignal(signal.SIGINT) is before


def test_other_threads_leave_signals_alone():
    before, answers = signal.getsignal(signal.SIGINT), []

    def work():
        with interruption() as asked:
            answers.append((asked(), signal.getsignal(signal.SIGINT) is before))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [(False, True)]
