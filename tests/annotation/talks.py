"""Random conversations of two people."""

from __future__ import annotations

from hypothesis import strategies as st

from annotation.recogniser_forms import Said

VOCABULARY = ("boat", "early", "walks", "river", "über", "lantern", "copper", "maybe", "we", "garden", "don't", "seven")


@st.composite
def talks(draw, least_gap=0):
    """Sentences of two people one after another; times in whole ms."""
    time = draw(st.integers(1000, 100_000))
    talk = []
    for who in draw(st.lists(st.integers(0, 1), min_size=1, max_size=6)):
        said = draw(st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=5))
        said[0] = said[0].capitalize()
        said[-1] += "."
        words = []
        for word in said:
            end = time + draw(st.integers(160, 900))
            words.append((word, time, end))
            time = end + draw(st.sampled_from((0, 20, 100, 480)))
        talk.append(Said(who, words))
        time = words[-1][2] + least_gap + draw(st.sampled_from((0, 10, 300, 2000)))
    return talk
