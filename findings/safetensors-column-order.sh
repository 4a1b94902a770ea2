#!/usr/bin/env bash
# safetensors: a numpy array that lies column by column in memory is written with its numbers in the wrong places.
# Date: 2026-11-29
# Versions: safetensors 0.8.0, numpy 2.4.6
# Guess: save keeps values, whatever the memory order of the array, or raises, as it does for non-contiguous tensors of PyTorch.
# Seen: A transposed array comes back with the right shape and the wrong values, with no error: its memory is taken for rows.
# Why it matters: Weights exported from PyTorch or scikit-learn to numpy are often transposed; the file loads and the model
#   runs, with scrambled weights. Pass numpy.ascontiguousarray(x).
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check safetensors==0.8.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import numpy as np
from safetensors.numpy import load, save

weights = np.arange(6, dtype="float32").reshape(2, 3)
transposed = load(save({"weights": weights.T}))["weights"]
mended = load(save({"weights": np.ascontiguousarray(weights.T)}))["weights"]
print("saved:", weights.T.tolist(), "loaded:", transposed.tolist())
assert transposed.shape == (3, 2) and transposed.tolist() == [[0, 1], [2, 3], [4, 5]]
assert mended.tolist() == weights.T.tolist() == [[0, 3], [1, 4], [2, 5]]
PY
