"""Seconds told from milliseconds by how fast anybody can speak."""

from __future__ import annotations

import math

import pytest

from merc.annotation.transcripts.units import in_milliseconds


@pytest.mark.parametrize(
    ("spans", "characters", "wanted"),
    [
        ([(1000, 2500), (3000, 4500)], 40, True),
        ([(1.0, 2.5), (3.0, 4.5)], 40, False),
        ([(0, 30)], 3, False),  # half a minute of hm is no millisecond
        ([(3600, 3602), (3604, 3609)], 50, False),  # an hour into a recording
        ([(0, None), (2500, None), (6000, None)], 60, True),
        ([(0, None), (600, None), (1200, None)], 90, False),  # notes ten minutes apart
        ([(None, None)], 10, False),
        ([], 0, False),
        ([(math.nan, 5000.0)], 10, False),
    ],
)
def test_only_what_nobody_could_say_is_in_milliseconds(spans, characters, wanted):
    given = [tuple(None if time is None else float(time) for time in span) for span in spans]
    assert in_milliseconds(given, characters) is wanted
