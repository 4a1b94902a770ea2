"""Sessions of ONNX Runtime: how many threads they take."""

import pytest

from merc.files.posix import usable_cores
from merc.graphs.session import threads


@pytest.mark.parametrize("said", [None, "", "0", "-1", "many", "999999", "9" * 5000, "\u0663" * 9])
def test_there_are_no_more_threads_than_cores(said, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if said is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == usable_cores()


@pytest.mark.parametrize(("said", "wanted"), [("1", 1), (" 2 ", 2), ("3,1", 3), ("8", 8), ("9", 8)])
def test_fewer_are_taken_where_they_are_asked_for(said, wanted, monkeypatch):
    monkeypatch.setattr("merc.graphs.session.usable_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert threads() == wanted
