#!/usr/bin/env bash
# wav2vec 2.0 in transformers: what a clip's input and scores are depends on the clips it is batched with.
# Date: 2026-11-29
# Versions: transformers 5.23.0, torch 2.13.0, numpy 2.4.6
# Guess: The feature extractor gives each clip zero mean and unit variance over its own samples, then pads with zeros;
#   batch_size of a pipeline changes speed, not scores.
# Seen: With return_attention_mask=False, the default and that of the base models, the short clip is normalised over its padding
#   as well: half a second beside two is scaled by 2. The audio-classification pipeline normalises first, yet pads without a
#   mask, and the scores of a (random) base model move by several points between batch_size 1 and 2. With the mask, as the large
#   models have it, both stay the same.
# Why it matters: Models of emotion in speech are often fine-tuned from these: the class of a short utterance can depend on its
#   neighbours in the batch.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check transformers==5.23.0 torch==2.13.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import warnings

import numpy as np
import torch
import transformers
from transformers import Wav2Vec2Config, Wav2Vec2FeatureExtractor, Wav2Vec2ForSequenceClassification, pipeline

warnings.simplefilter("ignore")
transformers.logging.set_verbosity_error()
rng = np.random.default_rng(0)
long, short = (0.1 * rng.standard_normal(n).astype("float32") for n in (32000, 8000))
scale, moved = {}, {}
for mask in (False, True):
    extractor = Wav2Vec2FeatureExtractor(return_attention_mask=mask)
    alone = extractor(short, sampling_rate=16000, return_tensors="np")["input_values"][0]
    batched = extractor([long, short], sampling_rate=16000, padding=True, return_tensors="np")["input_values"][1, :8000]
    scale[mask] = round(float(batched.std() / alone.std()), 2)

    torch.manual_seed(0)
    size = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64, "conv_dim": (32,) * 7}
    config = Wav2Vec2Config(
        **size, num_conv_pos_embeddings=16, num_conv_pos_embedding_groups=2, num_labels=4, classifier_proj_size=16,
        initializer_range=0.3, feat_extract_norm="layer" if mask else "group", do_stable_layer_norm=mask,
    )  # fmt: skip
    classify = pipeline("audio-classification", model=Wav2Vec2ForSequenceClassification(config).eval(), feature_extractor=extractor)
    scores = [{row["label"]: row["score"] for row in classify([long, short], batch_size=n)[1]} for n in (1, 2)]
    moved[mask] = max(abs(scores[0][label] - scores[1][label]) for label in scores[0])
print(f"scale of the short clip's input in a batch: {scale}; largest change of a score by batch_size: {moved}")
assert scale == {False: 2.0, True: 1.0}
assert moved[False] > 0.01 and moved[True] < 1e-4
PY
