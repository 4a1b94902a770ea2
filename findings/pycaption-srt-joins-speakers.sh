#!/usr/bin/env bash
# pycaption: writing SubRip joins cues that are shown at the same time, and starts the clock again after 24 hours.
# Date: 2026-11-29
# Versions: pycaption 2.3.14
# Guess: Each cue of a WebVTT file is one cue of the SubRip file, at its own time.
# Seen: Two cues with the same times become one cue of two lines. A cue at 25:00:03 lands at 01:00:03, before those that it
#   followed. The WebVTT writer of the same package keeps the two cues apart.
# Why it matters: Two people who speak at once are two utterances with two emotions; after the conversion there is one
#   utterance, and its speaker is whoever came first.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pycaption==2.3.14
HOME="$work" venv/bin/python - <<'PY'
import pycaption

captions = pycaption.WebVTTReader().read("""WEBVTT

00:00:02.500 --> 00:00:03.000
<v Anna>Get out!</v>

00:00:02.500 --> 00:00:03.000
<v Ben>I'm sorry</v>

25:00:03.000 --> 25:00:04.000
<v Anna>Still here?</v>
""")
srt = pycaption.SRTWriter().write(captions)
vtt = pycaption.WebVTTWriter().write(captions)
print(srt)
assert srt.count("-->") == 2 and vtt.count("-->") == 3
assert "Anna: Get out!\nBen: I'm sorry" in srt
assert "01:00:03,000 --> 01:00:04,000" in srt
PY
