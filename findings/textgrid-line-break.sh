#!/usr/bin/env bash
# Praat TextGrids whose labels hold a line break: tgt cannot read them, not even its own.
# Date: 2026-11-29
# Versions: tgt 1.5, textgrid 1.6.1, praat-parselmouth 0.4.7 (Praat 6.1.38)
# Guess: A label with a line break, which the format allows between quotes, is written and read back by every TextGrid library.
# Seen: tgt writes it and then raises IndexError on its own file. Praat and the package textgrid read that file.
# Why it matters: Transcripts made in ELAN or from subtitles have two-line utterances; one of them makes the whole conversation
#   unreadable.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tgt==1.5 textgrid==1.6.1 praat-parselmouth==0.4.7 numpy==2.4.6
HOME="$work" venv/bin/python - <<'PY'
import parselmouth
import textgrid
import tgt
from parselmouth.praat import call

read = {}
for label in ("oh no", "oh no\nnot again"):
    tier = tgt.IntervalTier(0, 2, "Anna")
    tier.add_annotation(tgt.Interval(0.5, 1.5, label))
    grid = tgt.TextGrid()
    grid.add_tier(tier)
    tgt.io.write_to_file(grid, "talk.TextGrid", format="long")
    praat = call(parselmouth.read("talk.TextGrid"), "Get label of interval", 1, 2)
    other = textgrid.TextGrid.fromFile("talk.TextGrid")[0][1].mark
    try:
        own = tgt.io.read_textgrid("talk.TextGrid").tiers[0].intervals[0].text
    except IndexError as error:
        own = type(error).__name__
    print(f"{label!r}: Praat {praat!r}, textgrid {other!r}, tgt {own!r}")
    assert praat == other == label
    read[label] = own
assert list(read.values()) == ["oh no", "IndexError"]
PY
