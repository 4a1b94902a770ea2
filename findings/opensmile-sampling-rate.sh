#!/usr/bin/env bash
# openSMILE: eGeMAPS depends on the sampling rate of the file, even when no sound lies above the lower rate's limit.
# Date: 2026-11-29
# Versions: opensmile 2.6.0, soxr 1.1.0, numpy 2.4.6
# Guess: The set fixes its bands and windows in Hz and seconds, so the same sound at 16 and at 44.1 kHz has the same features
#   within a few per cent.
# Seen: Loudness is 75 % higher at 44.1 kHz and the first formant 37 % lower (803 to 510 Hz) for a buzz without any energy above
#   8 kHz. Mean pitch stays.
# Why it matters: Loudness is a main cue of arousal; a model trained on 16 kHz files gets other numbers from the same voice in a
#   44.1 kHz file. Resample before openSMILE.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check opensmile==2.6.0 soxr==1.1.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import numpy as np
import opensmile
import soxr

rate = 16000
seconds = np.arange(rate) / rate
phase = 2 * np.pi * np.cumsum(150 + 10 * np.sin(2 * np.pi * 4 * seconds)) / rate
buzz = sum(np.cos(k * phase) / k for k in range(1, 20))  # No partial above 3.1 kHz.
buzz = (0.2 * buzz / np.abs(buzz).max()).astype("float32")
smile = opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)
low = smile.process_signal(buzz, rate).iloc[0]
high = smile.process_signal(soxr.resample(buzz, rate, 44100), 44100).iloc[0]
ratio = {}
for name in ("loudness_sma3_amean", "F1frequency_sma3nz_amean", "F0semitoneFrom27.5Hz_sma3nz_amean"):
    ratio[name] = high[name] / low[name]
    print(f"{name}: {low[name]:.2f} at 16 kHz, {high[name]:.2f} at 44.1 kHz, ratio {ratio[name]:.2f}")
assert 1.6 < ratio["loudness_sma3_amean"] < 1.9
assert 0.55 < ratio["F1frequency_sma3nz_amean"] < 0.75
assert abs(ratio["F0semitoneFrom27.5Hz_sma3nz_amean"] - 1) < 0.01
PY
