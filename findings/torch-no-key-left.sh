#!/usr/bin/env bash
# PyTorch: attention with every key masked is NaN or zero, depending on arguments that should not matter.
# Date: 2026-11-29
# Versions: torch 2.13.0
# Guess: A row whose keys are all masked is 0/0, NaN, in every way to call nn.MultiheadAttention and
#   scaled_dot_product_attention.
# Seen: scaled_dot_product_attention returns zeros. MultiheadAttention returns NaN with need_weights=True; with
#   need_weights=False it returns finite numbers while gradients are on or in training mode, and NaN in evaluation mode under
#   no_grad.
# Why it matters: A modality that is missing throughout a conversation masks all of its keys: training runs without a NaN, and
#   inference of the same model gives NaN.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check torch==2.13.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import torch
from torch.nn.functional import scaled_dot_product_attention

torch.manual_seed(0)
attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)
x = torch.randn(1, 3, 8)
masked = torch.ones(1, 3, dtype=torch.bool)
is_nan = {}
for training in (True, False):
    attention.train(training)
    for grad in (True, False):
        for weights in (True, False):
            with torch.set_grad_enabled(grad):
                out, _ = attention(x, x, x, key_padding_mask=masked, need_weights=weights)
            is_nan[training, grad, weights] = bool(out.isnan().all())
            print(f"training {training}, gradients {grad}, need_weights {weights}: {'NaN' if out.isnan().all() else 'finite'}")
zero = scaled_dot_product_attention(x, x, x, attn_mask=torch.zeros(3, 3, dtype=torch.bool))
print("scaled_dot_product_attention:", zero.abs().max().item())
assert all(nan == (weights or not (training or grad)) for (training, grad, weights), nan in is_nan.items())
assert zero.abs().max() == 0
PY
