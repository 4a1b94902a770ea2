"""What a running study shows."""

import io

import pytest
from rich.console import Console

from merc.cli.tables.studies import duration, status_line, status_table
from merc.studies.runner import ArmStatus, StudyStatus

STATUS = StudyStatus(
    (
        ArmStatus("cmath", "cmath", 10, 3, 0, (0.25, 0.5), 0.742, None),
        ArmStatus("sdt", "rival", 5, 4, 1, (), None, "its process was killed [red]"),
        ArmStatus("deterministic", "ablation", 3, 0, 0, (), None, None),
    ),
    "validation",
    3700.0,
)


def shown(renderable):
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


def test_the_live_table_has_a_row_an_arm_and_the_time_left():
    text = shown(status_table(STATUS))
    rows = [line for line in text.splitlines() if line.startswith(("cmath", "sdt", "deterministic"))]
    assert "3/10" in rows[0] and "25 %, 50 %" in rows[0] and "74.2" in rows[0]
    assert "4/5" in rows[1] and "1 failed: its process was killed [red]" in rows[1] and "done" in rows[1]
    assert "0/3" in rows[2]
    assert "7 of 18 runs, about 1 h 02 min left" in text


def test_without_a_terminal_it_is_a_line():
    assert status_line(STATUS) == "7 of 18 runs, 1 failed, about 1 h 02 min left"
    assert status_line(StudyStatus(STATUS.arms[:1], "validation", None)) == "3 of 10 runs"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "0 s"), (59.4, "59 s"), (61.0, "1 min"), (3599.0, "1 h 00 min"), (5400.0, "1 h 30 min")]
)
def test_durations_are_short(seconds, text):
    assert duration(seconds) == text
