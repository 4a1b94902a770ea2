"""Filling a store with text features, and the vectors of raw transcripts, with an encoder that counts what it is asked."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.store.store import add_features, open_store, save_store
from merc.encoders.encoding import encode_corpus, feature_spec
from merc.encoders.text.sentence import text_encoder
from merc.encoders.vectors import vectors_of
from merc.errors import DataError, StoreError
from merc.files.shapes import Float32
from merc.settings import Progress, no_progress


class CountingEncoder:
    """Vectors are a digest of the text alone; `fail_after` texts it stops as a killed run would."""

    modality = "text"

    def __init__(self, name: str = "counting", version: str = "1", dimension: int = 3, fail_after: int | None = None) -> None:
        self.name, self.version, self.dimension, self.fail_after = name, version, dimension, fail_after
        self.seen: list[str | None] = []

    def encode(self, transcripts: Sequence[str | None], progress: Progress = no_progress) -> Float32[np.ndarray, "N D"]:
        if self.fail_after is not None and len(self.seen) + len(transcripts) > self.fail_after:
            raise KeyboardInterrupt
        self.seen.extend(transcripts)
        progress("encoding text", len(transcripts) / 2, float(len(transcripts)))
        progress("encoding text", float(len(transcripts)), float(len(transcripts)))
        return np.stack([self.vector(text) for text in transcripts]) if transcripts else np.zeros((0, self.dimension), np.float32)

    def vector(self, text: str | None) -> Float32[np.ndarray, " D"]:
        if not text:
            return np.full(self.dimension, np.nan, np.float32)
        digest = hashlib.sha256(f"{self.version}{text}".encode()).digest()
        return np.frombuffer(digest[: self.dimension], np.uint8).astype(np.float32)


def conversations(words: str = "word") -> tuple[Conversation, ...]:
    def turn(c: int, u: int) -> Utterance:
        return Utterance(id=f"u{u}", speaker="a", words=None if (c, u) == (1, 0) else f"{words} {c} {u}")

    return tuple(Conversation(f"c{c}", tuple(turn(c, u) for u in range(length))) for c, length in enumerate([4, 3, 1, 2]))


def save(folder: Path, words: str = "word") -> Path:
    save_store(Corpus("toy", LabelSet(names=("sad", "glad")), (), conversations(words)), folder)
    return folder


def check(folder: Path, encoder: CountingEncoder) -> None:
    corpus = open_store(folder)
    key = feature_spec(encoder).key
    for conversation in corpus.conversations:
        expected = np.stack([encoder.vector(u.words) for u in conversation.utterances])
        np.testing.assert_array_equal(conversation.features[key], expected)


@pytest.mark.parametrize("chunk", [1, 3, 10, 100])
def test_every_utterance_gets_its_own_row(tmp_path: Path, chunk: int) -> None:
    folder, encoder = save(tmp_path / "store"), CountingEncoder("org/model", "abc")
    told: list[tuple[int, int]] = []
    spec = encode_corpus(folder, encoder, lambda _stage, done, total: told.append((done, total)), chunk=chunk)
    assert spec == FeatureSpec(modality="text", name="org.model", dimension=3, encoder="org/model", version="abc")
    assert open_store(folder).feature_schema == (spec,)
    check(folder, encoder)
    assert told == sorted(told) and told[-1] == (10, 10) and told.count((10, 10)) == 1
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_killed_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    folder = save(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(folder, CountingEncoder(fail_after=7), chunk=3)
    assert open_store(folder).feature_schema == ()
    kept = sorted(p.name for p in tmp_path.glob(".store.encoding-*/*"))
    assert kept == ["chunk-00001.safetensors", "chunk-00002.safetensors"]
    second = CountingEncoder()
    encode_corpus(folder, second, chunk=3)
    assert len(second.seen) == 4
    check(folder, second)
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_damaged_chunk_is_encoded_anew(tmp_path: Path) -> None:
    folder = save(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(folder, CountingEncoder(fail_after=7), chunk=3)
    first, second = sorted(tmp_path.glob(".store.encoding-*/*"))
    first.write_bytes(first.read_bytes()[:-5])
    second.write_bytes(b"")
    again = CountingEncoder()
    encode_corpus(folder, again, chunk=3)
    assert len(again.seen) == 10
    check(folder, again)


@pytest.mark.parametrize("change", ["version", "dimension", "transcripts"])
def test_chunks_of_another_job_are_not_used(tmp_path: Path, change: str) -> None:
    folder = save(tmp_path / "store")
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(folder, CountingEncoder(fail_after=7), chunk=3)
    encoder = CountingEncoder(version="2" if change == "version" else "1", dimension=4 if change == "dimension" else 3)
    if change == "transcripts":
        save_store(Corpus("toy", LabelSet(names=("sad", "glad")), (), conversations("other")), folder, overwrite=True)
    encode_corpus(folder, encoder, chunk=3)
    assert len(encoder.seen) == 10
    check(folder, encoder)
    # Another encoder's can still be gone on with; those of words that are gone are removed.
    assert len(list(tmp_path.glob(".store.encoding-*"))) == (change != "transcripts")


def test_encoding_twice_does_nothing_and_another_version_must_be_asked_for(tmp_path: Path) -> None:
    folder = save(tmp_path / "store")
    encode_corpus(folder, CountingEncoder())
    (tmp_path / ".store.lock").touch()  # of a call that was killed at its end
    again = CountingEncoder()
    encode_corpus(folder, again)
    assert again.seen == [] and [p.name for p in tmp_path.iterdir()] == ["store"]
    newer = CountingEncoder(version="2")
    with pytest.raises(StoreError, match="has feature text/counting of encoder 'counting', version 1; ask to overwrite"):
        encode_corpus(folder, newer)
    assert newer.seen == []
    encode_corpus(folder, newer, overwrite=True)
    check(folder, newer)
    assert open_store(folder).feature_schema[0].version == "2"


def test_other_features_stay(tmp_path: Path) -> None:
    folder = save(tmp_path / "store")
    audio = FeatureSpec(modality="audio", name="mine", dimension=2)
    add_features(folder, audio, {"c0": np.ones((4, 2), np.float32)})
    encode_corpus(folder, CountingEncoder())
    corpus = open_store(folder)
    assert [spec.key for spec in corpus.feature_schema] == ["audio/mine", "text/counting"]
    np.testing.assert_array_equal(corpus.conversations[0].features["audio/mine"], np.ones((4, 2)))


def test_a_store_without_transcripts(tmp_path: Path) -> None:
    silent = Conversation("c", (Utterance("u", "a"), Utterance("v", "b", words="  ")))
    save_store(Corpus("toy", LabelSet(names=("sad", "glad")), (), (silent,)), tmp_path / "store")
    with pytest.raises(DataError, match="no utterance has a transcript"):
        encode_corpus(tmp_path / "store", CountingEncoder())
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = save(tmp_path / "store")

    def full(path: Path, data: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("merc.encoders.encoding.write_atomically", full)
    with pytest.raises(StoreError, match=r"chunk-00001.*No space left on device; the store is as it was"):
        encode_corpus(folder, CountingEncoder())
    assert open_store(folder).feature_schema == ()


def test_the_default_encoder_end_to_end(tmp_path: Path) -> None:
    folder = save(tmp_path / "store")
    spec = encode_corpus(folder, text_encoder())
    assert spec == FeatureSpec(modality="text", name="minilm", dimension=384, encoder="minilm", version="53aa51172d142c89")
    stored = open_store(folder).conversations
    for conversation, fresh in zip(stored, vectors_of(conversations(), text_encoder()), strict=True):
        np.testing.assert_allclose(conversation.features["text/minilm"], fresh, atol=1e-5)
    assert np.isnan(stored[1].features["text/minilm"]).all(axis=1).tolist() == [True, False, False]
