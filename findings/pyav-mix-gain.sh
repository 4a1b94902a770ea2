#!/usr/bin/env bash
# PyAV: how loud a mono mix is depends on the sample format that is asked for.
# Date: 2026-11-29
# Versions: av 18.1.0 (FFmpeg 8.1), numpy 2.4.6
# Guess: A resampler from stereo to mono takes the mean of the channels in every format; mono to stereo copies the channel.
# Seen: Float output is not normalised: the gains of a channel are 0.707, so two equal channels at full scale give 1.414. With
#   16-bit output the gain is 0.5. From 5.1 the front left has 0.707 and 0.207. Mono to stereo has 0.707.
# Why it matters: Intensity in dB, and every network fed with raw samples, sees the same film 3 dB (stereo) or 11 dB (5.1)
#   louder by one output format than by the other, and float output can exceed full scale.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import av
import numpy as np


def mix(channels, layout, to, sample_format):
    resampler = av.AudioResampler(format=sample_format, layout=to, rate=48000)
    samples = np.tile(np.array(channels, "float32")[:, None], (1, 4800))
    frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
    frame.sample_rate, frame.pts = 48000, 0
    mixed = np.concatenate([part.to_ndarray() for part in [*resampler.resample(frame), *resampler.resample(None)]], axis=1)
    return round(float(mixed[0, 2400]) / (32768 if sample_format == "s16p" else 1), 3)


seen = {
    "left of stereo, float": mix([1, 0], "stereo", "mono", "fltp"),
    "left of stereo, 16 bit": mix([1, 0], "stereo", "mono", "s16p"),
    "both of stereo, float": mix([1, 1], "stereo", "mono", "fltp"),
    "front left of 5.1, float": mix([1, 0, 0, 0, 0, 0], "5.1", "mono", "fltp"),
    "front left of 5.1, 16 bit": mix([1, 0, 0, 0, 0, 0], "5.1", "mono", "s16p"),
    "mono to stereo, float": mix([1], "mono", "stereo", "fltp"),
}
print(seen)
assert list(seen.values()) == [0.707, 0.5, 1.414, 0.707, 0.207, 0.707]
PY
