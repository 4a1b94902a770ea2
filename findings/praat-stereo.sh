#!/usr/bin/env bash
# Praat measures stereo without mixing it to mono first.
# Date: 2026-11-29
# Versions: praat-parselmouth 0.4.7 (Praat 6.1.38), numpy 2.4.6
# Guess: Pitch and intensity of a stereo sound are those of its mono mix: channels of opposite sign cancel, and a voice on one
#   channel alone loses 6 dB.
# Seen: Pitch and intensity use the mean power of the channels. Opposite channels keep all their pitch frames and the level of
#   one channel, although the mono mix is silent. A voice on one of two channels loses 3 dB, not 6.
# Why it matters: Mean intensity, a common feature, differs by 3 dB between a stereo file given to Praat and the same file mixed
#   to mono before, as most tools do.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check praat-parselmouth==0.4.7 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import numpy as np
import parselmouth
from parselmouth.praat import call

rate = 16000
tone = 0.1 * np.sin(2 * np.pi * 200 * np.arange(rate) / rate)
mono = parselmouth.Sound(tone, rate)
opposite = parselmouth.Sound(np.stack([tone, -tone]), rate)
one_sided = parselmouth.Sound(np.stack([tone, 0 * tone]), rate)


def voiced(sound):
    return call(sound.to_pitch(), "Count voiced frames")


def level(sound):
    return sound.to_intensity().get_average()


print(f"voiced frames: one channel {voiced(mono)}, opposite channels {voiced(opposite)}")
print(f"voiced frames of the mix of opposite channels: {voiced(opposite.convert_to_mono())}")
print(f"level: one channel {level(mono):.2f} dB, opposite channels {level(opposite):.2f} dB")
print(f"level: one of two channels {level(one_sided):.2f} dB, its mix {level(one_sided.convert_to_mono()):.2f} dB")
assert voiced(opposite) == voiced(mono) > 90 and voiced(opposite.convert_to_mono()) == 0
assert abs(level(opposite) - level(mono)) < 0.01
assert abs(level(mono) - level(one_sided) - 3.01) < 0.01
assert abs(level(mono) - level(one_sided.convert_to_mono()) - 6.02) < 0.01
PY
