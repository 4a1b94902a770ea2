#!/usr/bin/env bash
# pyannote.metrics: a reference in which one speaker overlaps with himself can never be matched.
# Date: 2026-11-29
# Versions: pyannote.metrics 4.2.0, pyannote.core 6.1.0
# Guess: Speech is a matter of who is active when, so a hypothesis with Anna from 0 to 3 s has no error against a reference with
#   Anna from 0 to 2 s and from 1 to 3 s.
# Seen: Its diarization error rate is 0.25: the second between 1 and 2 s counts twice as reference speech and once as missed.
#   The Jaccard error rate of the same pair is 0. Calling support() on the reference first gives 0.
# Why it matters: Utterance times taken from subtitles may overlap, also for one speaker: the error rate then has a floor that
#   no system can pass.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyannote.metrics==4.2.0 pyannote.core==6.1.0
HOME="$work" venv/bin/python - <<'PY'
import warnings

from pyannote.core import Annotation, Segment
from pyannote.metrics.diarization import DiarizationErrorRate, JaccardErrorRate

warnings.simplefilter("ignore")  # Both metrics warn that no scored region is given; the whole extent is what is wanted here.
reference, hypothesis = Annotation(), Annotation()
reference[Segment(0, 2), "first"] = "Anna"
reference[Segment(1, 3), "second"] = "Anna"
hypothesis[Segment(0, 3)] = "Anna"
parts = DiarizationErrorRate()(reference, hypothesis, detailed=True)
jaccard = JaccardErrorRate()(reference, hypothesis)
merged = DiarizationErrorRate()(reference.support(), hypothesis)
print({name: float(value) for name, value in parts.items()}, "Jaccard:", jaccard, "merged:", merged)
assert (parts["total"], parts["missed detection"], parts["diarization error rate"]) == (4, 1, 0.25)
assert jaccard == merged == 0
PY
