"""Random conversations, written in every format of captions, are read back: words, speakers and times."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.transcripts.captions.containers import CONTAINERS, read, turns, words_of

VOCABULARY = "we you saw the harbour morning light boat never until quiet rain über Šárka 你好 Zoë it's well-known R&D"
WORDS = st.sampled_from(VOCABULARY.split())
SENTENCE = st.lists(WORDS, min_size=2, max_size=7).map(lambda words: "Then " + " ".join(words) + ".")
NAME = st.sampled_from(["Ann", "Bo Li", "CY", "Dr. Berg"])
TURNS = st.lists(st.tuples(st.integers(1, 400), st.integers(60, 400), NAME, SENTENCE), min_size=1, max_size=6)
KINDS = pytest.mark.parametrize("kind", CONTAINERS)


def placed(drawn, before=600):
    """(start, end, name, words), in ms, one after another, at least so much between."""
    now, result = 0, []
    for gap, length, name, words in drawn:
        start = now + before + 10 * gap
        now = start + 10 * length
        result.append((start, now, name, words))
    return result


def expected(conversation):
    return [(a / 1000, b / 1000, name, words) for a, b, name, words in conversation]


def near(found, wanted):
    return [(pytest.approx(a, abs=1e-6), pytest.approx(b, abs=1e-6), name, words) for a, b, name, words in wanted] == found


@KINDS
@settings(max_examples=15)
@given(drawn=TURNS)
def test_names_words_and_times(kind, drawn):
    suffix, write = CONTAINERS[kind]
    conversation = placed(drawn)
    found = read(write([(a, b, f"{name}: {words}") for a, b, name, words in conversation]), f"a{suffix}")
    assert near(turns(found), expected(conversation))


@KINDS
@settings(max_examples=15)
@given(drawn=TURNS)
def test_words_on_two_lines_without_names(kind, drawn):
    suffix, write = CONTAINERS[kind]
    conversation = placed(drawn)
    broken = [(a, b, words.replace(" ", "\n", 1)) for a, b, _, words in conversation]
    assert near(turns(read(write(broken), f"a{suffix}")), [(a, b, None, words) for a, b, _, words in expected(conversation)])


LINES = st.lists(st.lists(WORDS, min_size=3, max_size=6), min_size=3, max_size=7)


def numbered_lines(lines):
    """Lines of which no word comes twice."""
    return [" ".join(f"{word}{number}{place}" for place, word in enumerate(line)) for number, line in enumerate(lines, 10)]


def rolled(lines, shown, moments):
    """Captions of which each line comes below those before; so many are shown, and between those that stay for 10 ms."""
    cues, now = [], 1000
    for number in range(len(lines)):
        first = max(0, number - shown + 1)
        cues.append((now, now + 2000, "\n".join(lines[first : number + 1])))
        now += 2000
        if moments:
            cues.append((now, now + 10, "\n".join(lines[min(number, max(0, number - shown + 2)) : number + 1])))
            now += 10
    return cues


def grown(lines, shown):
    """Captions that grow by a word at a time."""
    cues, now = [], 1000
    for number, line in enumerate(lines):
        words = line.split()
        above = lines[max(0, number - shown + 1) : number]
        for count in range(1, len(words) + 1):
            cues.append((now, now + 300, "\n".join([*above, " ".join(words[:count])])))
            now += 300
    return cues


@KINDS
@pytest.mark.parametrize("shown", [1, 2, 3])
@settings(max_examples=15)
@given(drawn=LINES, moments=st.booleans())
def test_rolling_captions_give_each_word_once(kind, shown, drawn, moments):
    suffix, write = CONTAINERS[kind]
    lines = numbered_lines(drawn)
    cues = rolled(lines, shown, moments)
    found = read(write(cues), f"a{suffix}")
    assert words_of(found) == " ".join(lines)
    assert found.utterances[0].start == 1.0


@KINDS
@pytest.mark.parametrize("shown", [1, 2, 3])
@settings(max_examples=15)
@given(drawn=LINES)
def test_growing_captions_give_each_word_once(kind, shown, drawn):
    suffix, write = CONTAINERS[kind]
    lines = numbered_lines(drawn)
    assert words_of(read(write(grown(lines, shown)), f"a{suffix}")) == " ".join(lines)


@KINDS
@settings(max_examples=15)
@given(drawn=st.lists(st.sampled_from(["No.", "Yes.", "Never.", "Who?", "We saw it."]), min_size=2, max_size=9))
def test_what_is_said_again_stays_where_captions_do_not_roll(kind, drawn):
    suffix, write = CONTAINERS[kind]
    cues = [(1000 * n, 1000 * n + 990, words) for n, words in enumerate(drawn, 1)]
    assert [turn.words for turn in read(write(cues), f"a{suffix}").utterances] == drawn
