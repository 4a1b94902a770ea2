"""Every recogniser's form, rendered from one conversation and read back."""

from __future__ import annotations

import io
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from annotation.recogniser_forms import FORMS, Said, bare
from annotation.talks import talks
from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError

EDGE = 0.001  # s
ONE = [
    Said(0, [("Where", 1000, 1240), ("is", 1240, 1400), ("Tom's", 1420, 1900), ("lantern.", 1900, 2300)]),
    Said(1, [("By", 3000, 3200), ("the", 3200, 3420), ("gate.", 3420, 4000)]),
    Said(1, [("Or", 4600, 4750), ("gone.", 4750, 4900)]),
    Said(0, [("Ah.", 5000, 5300)]),
]


def read(content):
    return read_transcript(io.BytesIO(json.dumps(content).encode()), "talk.json")


def check(form, talk):
    found = read(form.write(talk))
    assert len(found.warnings) == form.warnings
    wanted = [
        (bare(one.text) if form.bare else one.text, None if form.by_channel else form.names[one.who], one.who, one.start, one.end)
        for one in talk
    ]
    assert [(u.words, u.speaker) for u in found.utterances] == [(words, name) for words, name, *_ in wanted]
    channels = form.lists_channels or (form.by_channel and len({one.who for one in talk}) > 1)
    for utterance, (_, _, who, start, end) in zip(found.utterances, wanted, strict=True):
        assert utterance.channel == (who if channels else None)
        assert utterance.start == pytest.approx(start / 1000, abs=EDGE)
        assert utterance.end == pytest.approx(end / 1000, abs=EDGE)


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_read(name):
    check(FORMS[name], ONE)


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_any_conversation_is_read_back(name, data):
    form = FORMS[name]
    check(form, data.draw(talks(600 if form.bare else 0)))


def places(value, at=()):
    """The places of all values within a value, each a sequence of keys."""
    yield at
    for key, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(inner, (*at, key))


def damaged(value, at, junk):
    """The value with junk in one place."""
    if not at:
        return junk
    if isinstance(value, dict):
        return {**value, at[0]: damaged(value[at[0]], at[1:], junk)}
    return [*value[: at[0]], damaged(value[at[0]], at[1:], junk), *value[at[0] + 1 :]]


JUNK = (None, True, -1, 1e300, 2.5, "", "x", "1e400", "nan", [], {}, [None], {"text": "a"}, [[1.0, 2.0, "a"]], float("nan"), "−1")


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_a_value_of_another_kind_is_read_or_told(name, data):
    content = FORMS[name].write(ONE)
    at = data.draw(st.sampled_from(list(places(content))))
    try:
        read(damaged(content, at, data.draw(st.sampled_from(JUNK))))
    except DataError as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize("name", FORMS)
def test_no_form_is_read_as_another(name):
    """A key that another vendor uses at the top changes nothing."""
    content = FORMS[name].write(ONE)
    if isinstance(content, dict):
        more = {"duration": 9.0, "text": "x", "language": "en", "metadata": None, "speakers": None, "error": None}
        assert read({**more, **content}).utterances == read(content).utterances


@pytest.mark.parametrize("name", FORMS)
def test_nothing_said_is_no_crash(name):
    try:
        read(FORMS[name].write([]))
    except DataError as error:
        assert "\n" not in str(error)
    else:
        raise AssertionError("something was read out of nothing")
