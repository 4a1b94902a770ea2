"""Long conversations in pieces: every utterance once, in order, with its neighbours about it."""

import numpy as np
import pytest

from merc.data import pieces
from merc.data.pieces import pieces_of


@pytest.fixture
def small(monkeypatch):
    for name, value in (("MAX_UTTERANCES", 10), ("OWN", 4), ("MARGIN", 3)):
        monkeypatch.setattr(pieces, name, value)


@pytest.mark.parametrize("length", [1, 10, 11, 12, 13, 31])
def test_every_utterance_is_judged_once_with_its_neighbours(length, small, make_samples):
    (sample,) = make_samples(lengths=(length,))
    found = list(pieces_of(sample))
    assert len(found) == (1 if length <= 10 else -(-length // 4))
    speakers = np.concatenate([piece.sample.speakers[piece.first : piece.last] for piece in found])
    np.testing.assert_array_equal(speakers, sample.speakers)
    for name, rows in sample.inputs.items():
        own = np.concatenate([piece.sample.inputs[name][piece.first : piece.last] for piece in found])
        np.testing.assert_array_equal(own, rows)
    start = 0
    for piece in found:
        stop = start + piece.last - piece.first
        begin, end = (0, length) if len(found) == 1 else (max(0, start - 3), min(length, stop + 3))
        np.testing.assert_array_equal(piece.sample.present, sample.present[begin:end])
        np.testing.assert_array_equal(piece.sample.labels, sample.labels[begin:end])
        start = stop
    assert start == length


def test_a_network_with_a_short_reach_says_the_same_of_pieces(small, make_samples, make_network):
    import torch

    from merc.data.batching import collate

    network = make_network(attention={"window": 1}, tower={"layers": 1})
    (sample,) = make_samples(lengths=(23,), absent=0)
    with torch.inference_mode():
        whole = network(collate([sample])).coarse.logits[0]
        parts = [network(collate([p.sample])).coarse.logits[0, p.first : p.last] for p in pieces_of(sample)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=1e-5)
