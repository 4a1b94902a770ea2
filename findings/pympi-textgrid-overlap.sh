#!/usr/bin/env bash
# pympi: turning an ELAN file into a Praat TextGrid drops annotations that overlap another one.
# Date: 2026-11-29
# Versions: pympi-ling 1.71
# Guess: to_textgrid raises on overlapping annotations of one tier, which a TextGrid cannot hold, or cuts one of them.
# Seen: It leaves the later one out, without a warning.
# Why it matters: The ELAN editor keeps the annotations of a tier apart, but files that programs make do not: one tier for all
#   speakers, or a tier by emotion, overlaps wherever people interrupt each other, and those turns vanish from the training
#   data.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pympi-ling==1.71
HOME="$work" venv/bin/python - <<'PY'
import warnings

import pympi

warnings.simplefilter("error")
eaf = pympi.Eaf()
eaf.add_tier("anger")
eaf.add_annotation("anger", 100, 500, "you never listen")
eaf.add_annotation("anger", 400, 900, "I do")
eaf.add_annotation("anger", 1000, 1500, "no")
(tier,) = (tier for tier in eaf.to_textgrid().get_tiers() if tier.name == "anger")
kept = [text for _, _, text in tier.get_all_intervals() if text]
print("ELAN:", [text for _, _, text in eaf.get_annotation_data_for_tier("anger")], "TextGrid:", kept)
assert kept == ["you never listen", "no"]
PY
