"""The encoder that reads an utterance after the turns before it: against a slow twin, and what must change nothing."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crowding import Door, in_threads
from merc.data.schema import Conversation, Utterance
from merc.encoders.registry import resolve
from merc.encoders.text.adapter import Adapter
from merc.encoders.text.dialogue import OWN_TOKENS, DialogueEncoder, context_turns, tokenised_windows, window_digests
from merc.encoders.text.torch_model import TransformersTokenizer, add_adapter, load_base
from merc.errors import FeatureError
from tiny_text_model import MOST_TOKENS, WORDS, build_plain

TALK = [("Ann", "i am so happy today !"), ("Bo", "why ?"), ("Ann", "did you leave me"), ("Cy", None), ("Bo", "i am happy")]


def conversation(turns, name="c"):
    return Conversation(name, tuple(Utterance(str(i), who, words=words) for i, (who, words) in enumerate(turns)))


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
    return DialogueEncoder([adapter])


def slow_rows(adapter, turns):
    """Each utterance by a pass of its own, its context window put together by hand."""
    tokenizer, model, _ = load_base(adapter.base)
    add_adapter(model, adapter)
    rows = []
    for last, (speaker, words) in enumerate(turns):
        if words is None:
            rows.append(np.full(16, np.nan, dtype=np.float32))
            continue
        context = [turn for turn in turns[:last] if turn[1] is not None][-4:]
        letters = {speaker: "A"}
        for who, _ in reversed(context):
            letters.setdefault(who, "ABCDE"[len(letters)])
        ids = [tokenizer(f"{letters[who]}: {said}")["input_ids"] for who, said in [*context, (speaker, words)]]
        while sum(map(len, ids)) > MOST_TOKENS:
            ids.pop(0)
        later = [token for turn in ids[1:] for token in turn if token != tokenizer.cls_token_id]
        with torch.no_grad():
            states = model(input_ids=torch.tensor([[*ids[0], *later]])).last_hidden_state[0]
        rows.append(states.mean(dim=0).numpy())
    return np.stack(rows)


def test_it_equals_its_slow_twin(encoder, adapter):
    (rows,) = encoder.encode([conversation(TALK * 2)])
    np.testing.assert_allclose(rows, slow_rows(adapter, TALK * 2), atol=1e-5)
    assert np.isnan(rows[3]).all()


def test_the_adapter_matters(encoder, adapter, base):
    (rows,) = encoder.encode([conversation(TALK[:2])])
    nothing = tuple(np.zeros(shape, np.float16) for shape in ((2, 16), (16, 2)))
    plain = Adapter(base, adapter.base_version, {"encoder.layer.1.attention.self.query": nothing})
    (other,) = DialogueEncoder([plain]).encode([conversation(TALK[:2])])
    assert np.abs(rows - other).max() > 1e-3


def test_several_adapters_give_the_mean_of_their_vectors(encoder, adapter, base):
    pair = tuple(np.full(shape, 0.5, np.float16) for shape in ((2, 16), (16, 2)))
    other = Adapter(base, adapter.base_version, {"encoder.layer.0.attention.output.dense": pair})
    both, alone = DialogueEncoder([adapter, other]), DialogueEncoder([other])
    talk = conversation(TALK * 2)
    rows = [e.encode([talk])[0] for e in (encoder, alone, both)]
    np.testing.assert_allclose(rows[2], (rows[0] + rows[1]) / 2, atol=1e-5)
    assert np.nanmax(np.abs(rows[0] - rows[1])) > 1e-3
    assert len({e.version for e in (encoder, alone, both, DialogueEncoder([other, adapter]))}) == 4


def test_no_adapter_or_those_of_two_models_are_refused(adapter):
    for adapters in ([], [adapter, Adapter("minilm", "0" * 16, adapter.pairs)]):
        with pytest.raises(ValueError, match="expected adapters of one text model"):
            DialogueEncoder(adapters)


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
    encoder.encode([conversation(TALK * 3)], lambda _stage, done, total: told.append((done, total)))
    assert told[-1] == (12, 12) and told == sorted(told)


sentences = st.lists(st.sampled_from(WORDS), max_size=40).map(" ".join)


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), sentences), min_size=1, max_size=12), st.integers(8, MOST_TOKENS))
def test_a_window_ends_with_its_utterance_and_keeps_the_limit(base, turns, limit):
    tokenizer, _, _ = load_base(base)
    talk = conversation([*turns, ("a", "why ?")])
    said = [i for i, u in enumerate(talk.utterances) if u.words.strip()]
    for i, windows in zip(said, tokenised_windows(TransformersTokenizer(tokenizer), [(talk, i) for i in said], limit), strict=True):
        whole = tokenizer(f"A: {talk.utterances[i].words}")["input_ids"]
        mark, words = whole[1:3], whole[3:-1]
        assert (len(windows) == 1) == (len(whole) <= limit)
        for window in windows:
            ids = list(window.content)
            own = [*mark, *words[: window.weight - 4], whole[-1]]
            words = words[window.weight - 4 :]
            assert ids[-len(own) :] == own and ids[0] == tokenizer.cls_token_id
            assert ids.count(tokenizer.cls_token_id) == 1 and window.size == len(ids) <= limit
        assert not words, "every word is read"
        assert len(context_turns(talk, i)) == 1 + min(4, said.index(i))


def test_a_long_utterance_is_the_mean_of_its_windows(encoder):
    """Each half of 31 words is read after the same earlier turn; its own four tokens more are two ends, letter and colon."""
    halves = ["why did you leave me today ? " * 2 + "why", "so happy today ! " * 4]
    before, after = ("Bo", "why ?"), ("Bo", "am i happy")
    (rows,) = encoder.encode([conversation([before, ("Ann", " ".join(halves)), after])])
    parts = [encoder.encode([conversation([before, ("Ann", half)])])[0][1] for half in halves]
    np.testing.assert_allclose(rows[1], (parts[0] * (15 + 4) + parts[1] * (16 + 4)) / 39, atol=1e-5)
    (alone,) = encoder.encode([conversation([before])])
    np.testing.assert_allclose(rows[0], alone[0], atol=1e-5)


def test_the_shipped_length_is_read_to_its_end():
    """What a window of the bundled model takes of an utterance, and no token more or less."""
    tokenizer, _, _ = load_base("minilm")
    words = ["happy"] * (OWN_TOKENS - 4)
    for more, expected in ((0, [OWN_TOKENS]), (1, [50, 51])):
        talk = conversation([("Ann", " ".join([*words, *["leave"] * more]))])
        ((*windows,),) = tokenised_windows(TransformersTokenizer(tokenizer), [(talk, 0)], 512)
        assert [window.weight for window in windows] == expected


def test_letters_tell_who_spoke_last():
    talk = conversation([("Ann", "i"), ("Bo", "am"), ("Cy", "so"), ("Ann", None), ("Bo", "happy"), ("Cy", "today")])
    assert context_turns(talk, 5) == [("C", "i"), ("B", "am"), ("A", "so"), ("B", "happy"), ("A", "today")]
    assert context_turns(talk, 0) == [("A", "i")]
    five = conversation([(name, "i") for name in "abcdef"])
    assert context_turns(five, 5) == [(letter, "i") for letter in "EDCBA"]


def test_the_place_in_the_conversation_carries_nothing(encoder):
    (rows,) = encoder.encode([conversation(TALK * 3)])
    np.testing.assert_allclose(rows[5:10], rows[10:15], atol=1e-5, equal_nan=True)


def test_digests_tell_what_a_vector_depends_on():
    digests = window_digests(conversation(TALK))
    assert [d is None for d in digests] == [False, False, False, True, False]
    assert window_digests(conversation([(who.lower(), words) for who, words in TALK])) == digests
    assert window_digests(conversation(TALK[:2])) == digests[:2]
    changed = window_digests(conversation([TALK[0], ("Bo", "why !"), *TALK[2:]]))
    assert [a == b for a, b in zip(changed, digests, strict=True)] == [True, False, False, True, False]
    assert window_digests(conversation([TALK[0], ("Ann", "why ?")]))[1] != digests[1]
    long = window_digests(conversation([("Ann", "leave"), *TALK * 2]))
    assert long[6:] == window_digests(conversation([("Ann", "why"), *TALK * 2]))[6:] and len(set(long) - {None}) > 6


def test_another_base_is_refused(adapter):
    with pytest.raises(FeatureError, match=r"adapter for .*, version 0+; found version"):
        DialogueEncoder([Adapter(adapter.base, "0" * 16, adapter.pairs)])
    with pytest.raises(FeatureError, match="no such folder"):
        DialogueEncoder([Adapter("/nowhere/at all", "0" * 16, adapter.pairs)])


def test_threads_share_an_encoder_but_not_its_tokenizer(adapter, monkeypatch):
    shared, door = DialogueEncoder([adapter]), Door()
    real = shared._model

    def ids(texts):
        door()
        return real.tokenizer.ids(texts)

    tokenizer = SimpleNamespace(ids=ids, start=real.tokenizer.start)
    parts = {"limit": real.limit, "embedding": real.embedding, "batch_tokens": real.batch_tokens}
    monkeypatch.setattr(shared, "_model", SimpleNamespace(tokenizer=tokenizer, **parts))
    talk = conversation(TALK)
    (first,), (second,) = in_threads(partial(shared.encode, [talk]), partial(shared.encode, [talk]))
    assert door.met == 0 and door.calls >= 2
    np.testing.assert_array_equal(first, second)
