#!/usr/bin/env bash
# Silero VAD: times in seconds are rounded to tenths.
# Date: 2026-11-29
# Versions: silero-vad 6.2.3, torch 2.13.0, numpy 2.4.6
# Guess: return_seconds=True returns the sample numbers divided by the sampling rate.
# Seen: It rounds to one decimal: speech ends up to 50 ms earlier or later than the samples say. time_resolution=3 is needed for
#   milliseconds.
# Why it matters: Utterances cut at these times lose up to 50 ms of a final sound, and times from the two forms of output do not
#   agree.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check silero-vad==6.2.3 torch==2.13.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import torch
from silero_vad import get_speech_timestamps


class LoudIsSpeech:
    """Stands in for the network, so that the borders are known: a window is speech if it is not silent."""

    def reset_states(self):
        pass

    def __call__(self, window, rate):
        return torch.tensor(float(window.abs().max() > 0))


rate = 16000
sound = torch.zeros(3 * rate)
sound[rate : 2 * rate - 1800] = 0.5
(samples,) = get_speech_timestamps(sound, LoudIsSpeech(), sampling_rate=rate)
(seconds,) = get_speech_timestamps(sound, LoudIsSpeech(), sampling_rate=rate, return_seconds=True)
exact = {key: value / rate for key, value in samples.items()}
print("samples / rate:", exact, "in seconds:", seconds)
assert seconds == {key: round(value, 1) for key, value in exact.items()}
assert max(abs(seconds[key] - exact[key]) for key in exact) > 0.02
PY
