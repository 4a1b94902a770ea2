#!/usr/bin/env bash
# Praat: a part of a sound that is asked for beyond its end is filled with digital silence.
# Date: 2026-11-29
# Versions: praat-parselmouth 0.4.7 (Praat 6.1.38), numpy 2.4.6
# Guess: extract_part(0.5, 1.5) of a sound that ends at 1.0 s returns what there is, half a second, or raises.
# Seen: It returns a whole second whose second half is zeros, with no warning. The mean intensity in dB falls from 71 to about
#   -104, because silence counts as -300 dB.
# Why it matters: An utterance whose transcript ends after its recording gets a duration and an intensity that say nothing about
#   the voice.
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
seconds = np.arange(rate) / rate
sound = parselmouth.Sound(0.1 * np.sin(2 * np.pi * 200 * seconds), rate)
part = sound.extract_part(0.5, 1.5)
whole_db, part_db = (call(s.to_intensity(), "Get mean", 0, 0, "dB") for s in (sound, part))
print(f"asked for 0.5 to 1.5 s of a sound of {sound.duration} s: got {part.duration} s")
print(f"zeros at its end: {np.count_nonzero(part.values[0, 8000:] == 0)}")
print(f"mean intensity: {whole_db:.0f} dB before, {part_db:.0f} dB after")
assert part.n_samples == 16000
assert not part.values[0, 8000:].any()
assert whole_db > 65 and part_db < -50
PY
