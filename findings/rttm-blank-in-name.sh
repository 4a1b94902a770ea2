#!/usr/bin/env bash
# RTTM: a speaker whose name has a blank, written by meeteval and read by pyannote.database.
# Date: 2026-11-29
# Versions: meeteval 0.4.3, pyannote.database 6.1.1, pandas 3.1.1
# Guess: meeteval refuses or replaces the blank, since RTTM separates fields by blanks; or pyannote raises on a line of eleven
#   fields.
# Seen: meeteval writes the eleven fields. pyannote takes every field for its left neighbour: the recording is now called "1"
#   and has no turns. No error, no warning. meeteval raises AssertionError on its own file.
# Why it matters: Full names of characters are common speaker labels. A diarization that has no turns scores as if nobody had
#   spoken.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check meeteval==0.4.3 pyannote.database==6.1.1 pandas==3.1.1
HOME="$work" venv/bin/python - <<'PY'
import warnings

from meeteval.io import RTTM, SegLST
from pyannote.database.util import load_rttm

warnings.simplefilter("error")


def read(*speakers):
    turns = [
        {"session_id": "talk", "speaker": speaker, "start_time": float(i), "end_time": i + 1.0, "words": "oh no"}
        for i, speaker in enumerate(speakers)
    ]
    text = RTTM.new(SegLST(turns)).dumps()
    with open("talk.rttm", "w") as file:
        file.write(text)
    return text, {uri: turns.labels() for uri, turns in load_rttm("talk.rttm").items()}


print(*read("Anna_Lee", "Ben_Roth"))
text, blank = read("Anna Lee", "Ben Roth")
print(text, blank)
assert read("Anna_Lee", "Ben_Roth")[1] == {"talk": ["Anna_Lee", "Ben_Roth"]}
assert blank == {"1": []}
try:
    RTTM.parse(text)
except AssertionError:
    pass
else:
    raise AssertionError("meeteval reads its own file")
PY
