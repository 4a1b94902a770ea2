#!/usr/bin/env bash
# PyAV: an AMR file whose pauses it has encoded itself can't be decoded by it.
# Date: 2026-11-30
# Versions: av 18.1.0, numpy 2.4.6
# Guess: Frames of comfort noise, by which AMR's discontinuous transmission (dtx) stands for silence, decode as silence or noise.
# Seen: FFmpeg's decoder "amrnb" raises an error at each of them (PatchWelcomeError, at times InvalidDataError); container.decode() ends there, though all later packets can
#   be decoded one by one. Without dtx every sample comes back.
# Why it matters: Phones record interviews so. Who decodes with container.decode() and stops at the first error hears the sound up to
#   the first pause.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import io

import av
import numpy as np

RATE, FRAME = 8000, 160
tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
sound = (32767 * np.concatenate([tone, np.zeros(2 * RATE), tone])).astype(np.int16)


def encoded(options):
    file = io.BytesIO()
    with av.open(file, "w", format="amr") as output:
        track = output.add_stream("libopencore_amrnb", rate=RATE, layout="mono", options=options)
        track.bit_rate = 12200
        for first in range(0, len(sound), FRAME):
            frame = av.AudioFrame.from_ndarray(sound[None, first : first + FRAME], "s16", "mono")
            frame.rate, frame.pts = RATE, first
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return file.getvalue()


def packet_by_packet(content):
    samples = refused = 0
    last = 0.0
    with av.open(io.BytesIO(content)) as container:
        for packet in container.demux(audio=0):
            try:
                for frame in packet.decode():
                    samples, last = samples + frame.samples, frame.time
            except av.error.FFmpegError:
                refused += 1
    return samples, refused, last


plain, paused = encoded({}), encoded({"dtx": "1"})
print("samples, refused packets, last frame in s: without dtx", packet_by_packet(plain), "with", packet_by_packet(paused))
assert packet_by_packet(plain)[1] == 0 and packet_by_packet(plain)[0] >= len(sound)
samples, refused, last = packet_by_packet(paused)
assert refused > 50 and samples < 0.6 * len(sound) and last > 3.5
reached = 0.0
try:
    with av.open(io.BytesIO(paused)) as container:
        for frame in container.decode(audio=0):
            reached = frame.time
except av.error.FFmpegError as error:
    print("decode() ends at", reached, "s:", error)
    assert reached < 1.5
else:
    raise SystemExit("decode() does not end any more")
PY
