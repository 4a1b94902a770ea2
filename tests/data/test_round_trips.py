"""Whatever a corpus holds, the store, JSON Lines and parquet give it back: the same properties for all three."""

import math
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import open_formats
from merc.data.formats import json_lines, parquet_table
from merc.data.formats.layout import CorpusSource
from merc.data.schema import PARTS, Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
from merc.data.store.store import open_store, save_store

TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=6)
NAMES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=6).filter(str.strip)
SECONDS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
KEYS = st.tuples(st.sampled_from(["text", "audio", "m_2"]), st.sampled_from(["R1", "a.b-c", "0"]))


@st.composite
def drawn(draw):
    """The facts of a corpus as plain data. (Made objects are for the test: their run-time type checks draw random numbers.)"""
    labels = draw(st.lists(NAMES, min_size=2, max_size=4, unique=True))
    keys = draw(st.lists(KEYS, max_size=3, unique=True))
    specs = [(*key, draw(st.integers(1, 4)), draw(TEXT), draw(TEXT)) for key in keys]
    ids = draw(st.lists(TEXT, min_size=1, max_size=4, unique=True))
    conversations = []
    for _ in ids:
        count = draw(st.integers(1, 4))
        turn = st.tuples(TEXT, st.none() | st.sampled_from(labels), st.none() | TEXT, SECONDS, SECONDS)
        turns = list(
            zip(
                draw(st.lists(TEXT, min_size=count, max_size=count, unique=True)),
                draw(st.lists(turn, min_size=count, max_size=count)),
                strict=True,
            )
        )
        features = {
            f"{modality}/{name}": draw(
                arrays.arrays(np.float32, (count, dimension), elements=st.floats(width=32, allow_infinity=False))
            )
            for modality, name, dimension, _, _ in specs
            if draw(st.booleans())
        }
        conversations.append((turns, features))
    splits = {
        name: {i: draw(st.sampled_from([*PARTS, None])) for i in ids}
        for name in draw(st.lists(st.sampled_from(["official", "session1", "", "a/b"]), max_size=3, unique=True))
    }
    return draw(TEXT), labels, specs, ids, conversations, splits, draw(st.dictionaries(TEXT, JSON, max_size=2))


def made(facts):
    name, labels, specs, ids, conversations, splits, notes = facts
    return Corpus(
        name=name,
        label_set=LabelSet(names=tuple(labels)),
        feature_schema=tuple(FeatureSpec(modality=m, name=n, dimension=d, encoder=e, version=v) for m, n, d, e, v in specs),
        conversations=tuple(
            Conversation(
                i,
                tuple(
                    Utterance(u, speaker, words=words, start=start, end=end, label=label)
                    for u, (speaker, label, words, start, end) in turns
                ),
                features,
            )
            for i, (turns, features) in zip(ids, conversations, strict=True)
        ),
        splits={
            key: Split(key, {part: tuple(i for i in ids if where[i] == part) for part in PARTS}) for key, where in splits.items()
        },
        notes=notes,
    )


def through_store(corpus, folder):
    save_store(corpus, folder / "store")
    return open_store(folder / "store")


def through_jsonl(corpus, folder):
    path = folder / "corpus.jsonl"
    open_formats.write_jsonl(corpus, path)
    assert json_lines.LAYOUT.matches(CorpusSource(path))
    assert not parquet_table.LAYOUT.matches(CorpusSource(path))
    return json_lines.LAYOUT.read(CorpusSource(path))


def through_parquet(corpus, folder):
    path = folder / "corpus.parquet"
    open_formats.write_parquet(corpus, path)
    assert parquet_table.LAYOUT.matches(CorpusSource(path))
    assert not json_lines.LAYOUT.matches(CorpusSource(path))
    return parquet_table.LAYOUT.read(CorpusSource(path))


def assert_same(found, expected):
    """Equal but for what the formats may not keep: a lacking feature may come back as NaN rows, and NaN rows as a lacking one."""
    assert found.name == expected.name
    assert found.label_set == expected.label_set
    assert found.feature_schema == expected.feature_schema
    assert dict(found.notes) == dict(expected.notes)
    assert list(found.splits) == list(expected.splits)
    for name, split in expected.splits.items():
        assert found.splits[name].name == name
        for part in PARTS:
            assert found.splits[name].parts.get(part, ()) == split.parts.get(part, ())
    assert [c.id for c in found.conversations] == [c.id for c in expected.conversations]
    for one, two in zip(found.conversations, expected.conversations, strict=True):
        assert one.utterances == two.utterances
        for spec in expected.feature_schema:
            absent = np.full((len(two), spec.dimension), np.nan, np.float32)
            a, b = one.features.get(spec.key, absent), two.features.get(spec.key, absent)
            assert a.dtype == b.dtype == np.float32
            np.testing.assert_array_equal(a, b)
            assert (np.signbit(a) == np.signbit(b))[~np.isnan(a)].all()


@pytest.mark.parametrize("through", [through_store, through_jsonl, through_parquet])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(facts=drawn())
def test_a_corpus_comes_back(through, facts):
    corpus = made(facts)
    with tempfile.TemporaryDirectory() as folder:
        assert_same(through(corpus, Path(folder)), corpus)


def test_the_comparison_can_fail():
    one = Corpus(
        name="x",
        label_set=LabelSet(names=("a", "b")),
        feature_schema=(FeatureSpec(modality="text", name="t", dimension=1),),
        conversations=(Conversation("c", (Utterance("0", "A"),), {"text/t": np.array([[1.0]], np.float32)}),),
    )
    two = Corpus(
        name="x",
        label_set=one.label_set,
        feature_schema=one.feature_schema,
        conversations=(
            Conversation("c", (Utterance("0", "A"),), {"text/t": np.array([[math.nextafter(1, 2)]], np.float64).astype("f4") + 1}),
        ),
    )
    with pytest.raises(AssertionError):
        assert_same(one, two)
