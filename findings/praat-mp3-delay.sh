#!/usr/bin/env bash
# Praat, libsndfile and FFmpeg read the same MP3 file; only Praat keeps the encoder delay.
# Date: 2026-11-29
# Versions: praat-parselmouth 0.4.7 (Praat 6.1.38), soundfile 0.14.0, av 18.1.0, numpy 2.4.6
# Guess: All three read the delay from the header that LAME writes and return the samples that were encoded.
# Seen: soundfile and PyAV do. Praat returns the sound 1056 samples late at 16 kHz (66 ms) and 1632 at 44.1 kHz (37 ms), and
#   longer than it was.
# Why it matters: Utterance times that were found with one decoder cut words off when Praat measures the same file: 66 ms is as
#   long as a consonant.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check praat-parselmouth==0.4.7 soundfile==0.14.0 av==18.1.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import av
import numpy as np
import parselmouth
import soundfile


def write_mp3(path, samples, rate):
    with av.open(path, "w") as container:
        stream = container.add_stream("libmp3lame", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[None].astype("float32"), format="fltp", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)


def read_pyav(path):
    with av.open(path) as container:
        return np.concatenate([frame.to_ndarray()[0] for frame in container.decode(audio=0)])


for rate, praat_delay in ((16000, 1056), (44100, 1632)):
    click = np.zeros(rate)
    click[rate // 2] = 0.9
    write_mp3("click.mp3", click, rate)
    decoded = {
        "soundfile": soundfile.read("click.mp3")[0],
        "PyAV": read_pyav("click.mp3"),
        "Praat": parselmouth.Sound("click.mp3").values[0],
    }
    delay = {name: int(np.abs(samples).argmax()) - rate // 2 for name, samples in decoded.items()}
    longer = {name: len(samples) - rate for name, samples in decoded.items()}
    print(f"{rate} Hz: samples of delay {delay}, samples too many {longer}")
    assert delay == {"soundfile": 0, "PyAV": 0, "Praat": praat_delay}
    assert longer["soundfile"] == longer["PyAV"] == 0 < longer["Praat"]
PY
