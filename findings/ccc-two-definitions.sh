#!/usr/bin/env bash
# The concordance correlation coefficient, the usual score for valence and arousal, of audmetric and of torchmetrics.
# Date: 2026-11-29
# Versions: audmetric 1.4.2, torchmetrics 1.9.0, torch 2.13.0, numpy 2.4.6
# Guess: Both compute the coefficient as defined by Lin, so they agree within rounding.
# Seen: audmetric divides the variances and the covariance by n, torchmetrics by n - 1, while the squared difference of the
#   means is divided by neither. On three utterances with a bias of 0.2 the scores are 0.57 and 0.67.
# Why it matters: Scores per dialogue rest on a handful of utterances: two papers with these two libraries do not report the
#   same quantity.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check audmetric==1.4.2 torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import audmetric
import numpy as np
import torch
from torchmetrics.functional import concordance_corrcoef

truth = np.array([0.1, 0.3, 0.5])
prediction = truth + 0.2


def lin(ddof):
    covariance = np.cov(truth, prediction, ddof=ddof)
    return 2 * covariance[0, 1] / (covariance[0, 0] + covariance[1, 1] + (truth.mean() - prediction.mean()) ** 2)


biased = audmetric.concordance_cc(truth, prediction)
unbiased = float(concordance_corrcoef(torch.tensor(prediction), torch.tensor(truth)))
print(f"audmetric {biased:.4f} (by n: {lin(0):.4f}), torchmetrics {unbiased:.4f} (by n - 1: {lin(1):.4f})")
assert abs(biased - lin(0)) < 1e-6 and abs(unbiased - lin(1)) < 1e-6
assert unbiased - biased > 0.05
PY
