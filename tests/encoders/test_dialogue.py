"""The encoder that reads an utterance after the turns before it: against a slow twin, and what must change nothing."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from merc.data.schema import Conversation, Utterance
from merc.encoders import dialogue
from merc.encoders.adapter import Adapter
from merc.encoders.dialogue import DialogueEncoder, load_base, passages, turn_digests
from merc.encoders.registry import resolve
from merc.errors import FeatureError
from tiny_text_model import MOST_TOKENS, WORDS, build_plain

TALK = [("Ann", "i am so happy today !"), ("Bo", "why ?"), ("Ann", "did you leave me"), ("Cy", None), ("Bo", "i am happy")]


def conversation(turns, name="c"):
    return Conversation(name, tuple(Utterance(str(i), who, transcript=words) for i, (who, words) in enumerate(turns)))


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(build_plain(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def adapter(base):
    random = np.random.default_rng(0)
    pair = tuple(random.standard_normal(shape).astype(np.float16) for shape in ((2, 16), (16, 2)))
    return Adapter(base, resolve(base).version, {"encoder.layer.1.attention.self.query": pair})


@pytest.fixture(scope="module")
def encoder(adapter):
    return DialogueEncoder(adapter)


def slow_rows(adapter, turns):
    """Each utterance by a pass of its own over the turns up to it, token by token of a plain causal reading of turns."""
    tokenizer, model, _ = load_base(adapter.base)
    adapter.apply_to(model, "test")
    letters, ids = {}, []
    for who, words in turns:
        letters.setdefault(who, "ABCDEFGHIJKLMNOP"[len(letters)])
        ids.append([] if words is None else tokenizer(f"{letters[who]}: {words}")["input_ids"])
    rows = []
    for last in range(len(turns)):
        if not ids[last]:
            rows.append(np.full(16, np.nan, dtype=np.float32))
            continue
        flat = [token for turn in ids[: last + 1] for token in turn]
        owner = [n for n, turn in enumerate(ids[: last + 1]) for _ in turn]
        mask = torch.tensor([[0.0 if k <= q else -1e9 for k in owner] for q in owner])
        with torch.no_grad():
            states = model(input_ids=torch.tensor([flat]), attention_mask=mask[None, None]).last_hidden_state[0]
        rows.append(states[-len(ids[last]) :].mean(dim=0).numpy())
    return np.stack(rows)


def test_it_equals_its_slow_twin(encoder, adapter):
    short = TALK[:4]
    (rows,) = encoder.encode([conversation(short)])
    np.testing.assert_allclose(rows, slow_rows(adapter, short), atol=1e-5)
    assert np.isnan(rows[3]).all()


def test_the_adapter_matters(encoder, adapter, base):
    (rows,) = encoder.encode([conversation(TALK[:2])])
    nothing = tuple(np.zeros(shape, np.float16) for shape in ((2, 16), (16, 2)))
    plain = Adapter(base, adapter.base_version, {"encoder.layer.1.attention.self.query": nothing})
    (other,) = DialogueEncoder(plain).encode([conversation(TALK[:2])])
    assert np.abs(rows - other).max() > 1e-3


def test_what_is_said_later_changes_nothing(encoder):
    (whole,) = encoder.encode([conversation(TALK * 4)])
    for length in range(1, 4 * len(TALK)):
        (part,) = encoder.encode([conversation((TALK * 4)[:length])])
        np.testing.assert_allclose(part, whole[:length], atol=1e-5)


def test_what_was_said_before_matters(encoder):
    (rows,) = encoder.encode([conversation(TALK[:3])])
    (other,) = encoder.encode([conversation([("Ann", "why leave ?"), *TALK[1:3]])])
    assert np.abs(rows[2] - other[2]).max() > 1e-3


def test_names_carry_nothing_but_who_is_who_does(encoder):
    (rows,) = encoder.encode([conversation(TALK)])
    (renamed,) = encoder.encode([conversation([({"Ann": "Zoe", "Bo": "Ann", "Cy": "Bo"}[who], words) for who, words in TALK])])
    np.testing.assert_array_equal(rows, renamed)


def test_other_conversations_and_their_order_change_nothing(encoder):
    talks = [conversation(TALK[:n], f"c{n}") for n in (1, 3, 5, 2)]
    alone = [encoder.encode([talk])[0] for talk in talks]
    for given_order in ([0, 1, 2, 3], [3, 1, 0, 2]):
        together = encoder.encode([talks[i] for i in given_order])
        for i, rows in zip(given_order, together, strict=True):
            np.testing.assert_allclose(rows, alone[i], atol=1e-5)


def test_nothing_said_is_absent(encoder):
    (rows,) = encoder.encode([conversation([("Ann", None), ("Bo", "  ")])])
    assert rows.shape == (2, 16) and np.isnan(rows).all()
    assert encoder.encode([]) == ()


def test_progress_ends_with_all(encoder):
    told = []
    encoder.encode([conversation(TALK * 3)], lambda done, total: told.append((done, total)))
    assert told[-1] == (15, 15) and told == sorted(told)


sentences = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), sentences), min_size=1, max_size=12), st.integers(8, MOST_TOKENS))
def test_every_turn_is_read_for_itself_once_and_passages_keep_their_limit(base, turns, limit):
    tokenizer, _, _ = load_base(base)
    found = list(passages(tokenizer, conversation(turns), limit))
    read = [place for passage in found for place in passage.places if place >= 0]
    assert read == [i for i, (_, words) in enumerate(turns) if words.strip()]
    assert all(passage.length <= limit and any(p >= 0 for p in passage.places) for passage in found)
    for earlier, later in itertools.pairwise(found):
        context = later.places.count(-1)
        assert context <= dialogue.CONTEXT
        assert later.turns[:context] == earlier.turns[len(earlier.turns) - context :]


def test_digests_tell_what_a_vector_hangs_on():
    digests = turn_digests(conversation(TALK))
    assert [d is None for d in digests] == [False, False, False, True, False]
    assert turn_digests(conversation([(who.lower(), words) for who, words in TALK])) == digests
    assert turn_digests(conversation(TALK[:2])) == digests[:2]
    changed = turn_digests(conversation([TALK[0], ("Bo", "why !"), *TALK[2:]]))
    assert [a == b for a, b in zip(changed, digests, strict=True)] == [True, False, False, True, False]
    assert turn_digests(conversation([TALK[0], ("Ann", "why ?")]))[1] != digests[1]


def test_another_base_is_refused(adapter):
    with pytest.raises(FeatureError, match=r"adapter for .*, version 0+; found version"):
        DialogueEncoder(Adapter(adapter.base, "0" * 16, adapter.pairs))
    with pytest.raises(FeatureError, match="no such folder"):
        DialogueEncoder(Adapter("/nowhere/at all", "0" * 16, adapter.pairs))
