#!/usr/bin/env bash
# CLAP: the feature extractor draws at random, for long clips and for batches of short ones.
# Date: 2026-11-29
# Versions: transformers 5.23.0, torch 2.13.0, numpy 2.4.6
# Guess: A feature extractor is a function: the same clip has the same features, and a flag "is longer" is true for clips of
#   more than ten seconds.
# Seen: A clip of 12 s has other features at every call. In a batch of short clips one clip, drawn anew each time, is flagged as
#   longer than ten seconds, which sends it through other layers of the model. numpy's global seed governs the draw.
# Why it matters: Embeddings of utterances that are computed twice differ, and the one flagged clip of a batch is not comparable
#   with the others. Seed numpy before each call.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check transformers==5.23.0 torch==2.13.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import numpy as np
from transformers import ClapFeatureExtractor

rate = 48000
noise = np.random.default_rng(0).standard_normal(12 * rate).astype("float32")
extractor = ClapFeatureExtractor()


def extract(clips):
    return extractor(clips, sampling_rate=rate, return_tensors="np")


long = [extract(noise)["input_features"] for _ in range(3)]
difference = max(float(np.abs(long[0] - other).max()) for other in long[1:])
short = [noise[: 2 * rate], noise[: 3 * rate], noise[: 4 * rate]]
flags = [extract(short)["is_longer"].ravel().tolist() for _ in range(30)]
print(f"12 s, three calls: features differ by up to {difference:.1f}")
print("three short clips, flagged as longer:", sorted({row.index(True) for row in flags}))
assert difference > 1
assert all(row.count(True) == 1 for row in flags) and len({row.index(True) for row in flags}) > 1
PY
