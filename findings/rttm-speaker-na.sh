#!/usr/bin/env bash
# RTTM: speakers named NA, None or null become one and the same nameless speaker in pyannote.database; a comment becomes a
# recording.
# Date: 2026-11-29
# Versions: pyannote.database 6.1.1, pandas 3.1.1
# Guess: The speaker field is text, so "NA" stays "NA"; lines that start with ";;" are comments.
# Seen: load_rttm gives "NA", "None" and "null" the label nan, so three speakers count as one; the comment ";; checked" adds a
#   recording named "checked".
# Why it matters: NA are initials, and None is what programs write for an unknown speaker or a missing emotion; who speaks is an
#   input of every model of conversations.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyannote.database==6.1.1 pandas==3.1.1
HOME="$work" venv/bin/python - <<'PY'
from pyannote.database.util import load_rttm

TURN = "SPEAKER talk 1 {}.000 1.000 <NA> <NA> {} <NA> <NA>\n"
turns = "".join(TURN.format(start, speaker) for start, speaker in enumerate(["NA", "Ben", "None", "null"]))
with open("turns.rttm", "w") as file:
    file.write(turns)
with open("comment.rttm", "w") as file:
    file.write(";; checked\n" + turns)
labels = [label for _, _, label in load_rttm("turns.rttm")["talk"].itertracks(yield_label=True)]
recordings = list(load_rttm("comment.rttm"))
print("speakers:", labels, "recordings:", recordings)
assert [str(label) for label in labels] == ["nan", "Ben", "nan", "nan"]
assert [isinstance(label, str) for label in labels] == [False, True, False, False]
assert recordings == ["checked", "talk"]
PY
