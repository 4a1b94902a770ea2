#!/usr/bin/env bash
# PyAV: one hole in a recording's sound, and one late start, written alike into six containers, come back in four ways.
# Date: 2026-11-30
# Versions: av 18.1.0, numpy 2.4.6
# Guess: A hole of 3 s in the time stamps is a gap between two packets in every container that has time stamps (all but AVI), and a
#   start at 2 s is there in each of them.
# Seen: Matroska, MPEG-TS and FLV: a gap between packets. MP4 with AAC: none; the packet before the hole lasts 3.064 s in place of
#   0.064, and only the decoded frames show the hole. QuickTime with PCM, and AVI: no hole at all; what follows moves up by 3 s. AVI
#   loses the late start as well. Of one AAC track that starts at 2 s, `start_time` is 2.000 in Matroska, but 1.936 in MP4, MPEG-TS and
#   FLV, which count the encoder's delay.
# Why it matters: Who looks for holes in packets, to keep a transcript in step with the film, finds none in the commonest container;
#   a recorder that writes QuickTime or AVI has to fill holes with silence.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import io
from fractions import Fraction

import av
import numpy as np

RATE, FRAME, FRAMES = 16000, 1024, 60
HOLE_AT, HOLE, LATE = 1.5, 3.0, 2.0


def written(container, codec, late=0.0, hole=0.0):
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        track = output.add_stream(codec, rate=RATE, layout="mono")
        kind = track.codec_context.format.name
        for number in range(FRAMES):
            time = late + number * FRAME / RATE
            time += hole if time >= HOLE_AT else 0.0
            wave = (0.3 * np.sin(np.arange(FRAME) / 10)).astype(np.float32)
            samples = (32767 * wave).astype(np.int16) if kind.startswith("s16") else wave
            frame = av.AudioFrame.from_ndarray(samples[None], kind, "mono")
            frame.rate, frame.pts, frame.time_base = RATE, round(time * RATE), Fraction(1, RATE)
            output.mux(track.encode(frame))
        output.mux(track.encode(None))
    return file.getvalue()


def largest_gap(spans):
    return max(after[0] - (before[0] + before[1]) for before, after in zip(spans, spans[1:]))


def read(content):
    with av.open(io.BytesIO(content)) as container:
        track = container.streams.audio[0]
        start = float(track.start_time * track.time_base)
        found = [packet for packet in container.demux(track) if packet.pts is not None]
        packets = [(float(p.pts * p.time_base), float((p.duration or 0) * p.time_base)) for p in found]
    with av.open(io.BytesIO(content)) as container:
        frames = [(frame.time, frame.samples / frame.rate) for frame in container.decode(audio=0)]
    longest = max(length for _, length in packets[:-1])
    return round(start, 3), largest_gap(packets), longest, largest_gap(frames)


# container, codec -> gap between packets, between frames (both s; below a tenth of a second is none), start_time of the late one
EXPECTED = {
    ("matroska", "aac"): (3.0, 3.0, 2.0),
    ("mpegts", "aac"): (3.0, 3.0, 1.936),
    ("flv", "aac"): (3.0, 3.0, 1.936),
    ("mp4", "aac"): (0.0, 3.0, 1.936),
    ("mov", "pcm_s16le"): (0.0, 0.0, 2.0),
    ("avi", "pcm_s16le"): (0.0, 0.0, 0.0),
}
for (name, codec), expected in EXPECTED.items():
    _, between_packets, longest, between_frames = read(written(name, codec, hole=HOLE))
    start, *_ = read(written(name, codec, late=LATE))
    print(f"{name} {codec}: gap of packets {between_packets:.3f}, longest packet {longest:.3f}, gap of frames {between_frames:.3f}, start {start}")
    for seen, wanted in ((between_packets, expected[0]), (between_frames, expected[1])):
        assert abs(seen - wanted) < 0.1, (name, seen, wanted)
    assert abs(start - expected[2]) < 0.002, (name, start)
    assert (longest > 3.0) == (name == "mp4"), (name, longest)
PY
