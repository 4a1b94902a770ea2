"""The count of steps tells linear work from work that grows faster."""

import re

import pytest

from steps import in_proportion, steps


def searched(pattern, text):
    return steps(lambda: re.search(pattern, text))


@pytest.mark.parametrize(
    ("pattern", "text", "grows"),
    [
        ("ab", "a", 2),
        (r"\s+$", " ", 4),
        (r"<[^<>]*>", "<", 2),
        (r"<[^>]*>", "<", 4),
        (r"[^:]{1,80}:", "a", 2),
        (r"a*a*b", "a", 8),
        (r"(?:x|y)*z", "xy", 4),
        (r"(?<=c)b|\bx\b|(?!d)\Ae", "abc", 2),
    ],
)
def test_the_growth_of_a_search_is_that_of_its_pattern(pattern, text, grows):
    short, long = (searched(pattern, text * count + "!") for count in (50, 100))
    assert long / short == pytest.approx(grows, rel=0.15)


def test_lines_of_loops_are_counted():
    def pairs(count):
        for _ in range(count):
            for _ in range(count):
                pass

    assert steps(lambda: pairs(40)) == pytest.approx(4 * steps(lambda: pairs(20)), rel=0.1)
    assert not in_proportion(pairs, 20)
    assert in_proportion(lambda count: [None for _ in range(count)], 20)


def test_what_is_found_stays_the_same():
    found = []
    steps(lambda: found.extend(re.findall(r"(\w+)=(\d*)", "a=1, b=, =3")))
    assert found == [("a", "1"), ("b", "")]
