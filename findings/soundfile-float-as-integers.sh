#!/usr/bin/env bash
# soundfile: a WAV file of floats read as integers is silence, and integers written as floats are 32768 times too loud.
# Date: 2026-11-29
# Versions: soundfile 0.14.0, numpy 2.4.6
# Guess: Reading with dtype="int16" scales full scale, 1.0, to 32767, as reading a 16-bit file with dtype="float32" scales it to
#   1.0.
# Seen: The floats are only rounded: a sine of amplitude 0.4 in a float file reads as zeros. int16 samples written with subtype
#   "FLOAT" are stored as up to 32767.0.
# Why it matters: Audio workstations and speech synthesis often write float WAV, and the voice activity detector of WebRTC takes
#   16-bit integers: it finds no speech at all.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check soundfile==0.14.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import numpy as np
import soundfile

sine = 0.4 * np.sin(2 * np.pi * 200 * np.arange(16000) / 16000)
for subtype in ("PCM_16", "FLOAT"):
    soundfile.write(f"{subtype}.wav", sine, 16000, subtype=subtype)
as_int = {subtype: int(np.abs(soundfile.read(f"{subtype}.wav", dtype="int16")[0]).max()) for subtype in ("PCM_16", "FLOAT")}
soundfile.write("loud.wav", (sine * 32768).astype("int16"), 16000, subtype="FLOAT")
loud = float(np.abs(soundfile.read("loud.wav")[0]).max())
print("largest sample of a sine of amplitude 0.4 read as int16:", as_int, "int16 written as float:", loud)
assert 13000 < as_int["PCM_16"] < 13200 and as_int["FLOAT"] == 0
assert loud > 13000
PY
