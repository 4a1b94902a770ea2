#!/usr/bin/env bash
# pympi: shifting an ELAN file in time moves some times twice and others not at all.
# Date: 2026-11-29
# Versions: pympi-ling 1.71
# Guess: shift_annotations(1000) moves every annotation by one second; shift_annotations(-200) turns 100..500 ms into 0..300 ms.
# Seen: A time slot that two annotations share, as a time subdivision does, moves once for each of them: 1000..1500 and
#   1500..2000 become 2000..3500 and 3500..3000, which ends before it starts. Shifted left, 100..500 becomes 0..500: the end
#   stays.
# Why it matters: Subdivided tiers are how an emotion that changes within an utterance is annotated, and a shift is how
#   annotations are moved onto a trimmed recording.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pympi-ling==1.71
HOME="$work" venv/bin/python - <<'PY'
import pympi

DOCUMENT = """<?xml version="1.0" encoding="UTF-8"?>
<ANNOTATION_DOCUMENT AUTHOR="" DATE="2026-11-29T10:00:00+00:00" FORMAT="3.0" VERSION="3.0"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="http://www.mpi.nl/tools/elan/EAFv3.0.xsd">
<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"/>
<TIME_ORDER>
<TIME_SLOT TIME_SLOT_ID="ts1" TIME_VALUE="1000"/><TIME_SLOT TIME_SLOT_ID="ts2" TIME_VALUE="1000"/>
<TIME_SLOT TIME_SLOT_ID="ts3" %s/><TIME_SLOT TIME_SLOT_ID="ts4" TIME_VALUE="2000"/>
<TIME_SLOT TIME_SLOT_ID="ts5" TIME_VALUE="2000"/>
</TIME_ORDER>
<TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID="Anna"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a1" TIME_SLOT_REF1="ts1" TIME_SLOT_REF2="ts4">
<ANNOTATION_VALUE>oh no</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<TIER LINGUISTIC_TYPE_REF="phase" PARENT_REF="Anna" TIER_ID="emotion"><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a2" TIME_SLOT_REF1="ts2" TIME_SLOT_REF2="ts3">
<ANNOTATION_VALUE>fear</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION><ANNOTATION>
<ALIGNABLE_ANNOTATION ANNOTATION_ID="a3" TIME_SLOT_REF1="ts3" TIME_SLOT_REF2="ts5">
<ANNOTATION_VALUE>sad</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION></TIER>
<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true"/>
<LINGUISTIC_TYPE CONSTRAINTS="Time_Subdivision" LINGUISTIC_TYPE_ID="phase" TIME_ALIGNABLE="true"/>
<CONSTRAINT DESCRIPTION="Time subdivision" STEREOTYPE="Time_Subdivision"/>
</ANNOTATION_DOCUMENT>"""

with open("talk.eaf", "w") as file:
    file.write(DOCUMENT % 'TIME_VALUE="1500"')
eaf = pympi.Eaf("talk.eaf")
print("before:", eaf.get_annotation_data_for_tier("emotion"))
eaf.shift_annotations(1000)
shared = eaf.get_annotation_data_for_tier("emotion")
print("shifted by 1000 ms:", shared)
assert eaf.get_annotation_data_for_tier("Anna") == [(2000, 3000, "oh no")]
assert shared == [(2000, 3500, "fear"), (3500, 3000, "sad")]

eaf = pympi.Eaf()
eaf.add_tier("Ben")
eaf.add_annotation("Ben", 100, 500, "well")
eaf.shift_annotations(-200)
print("100 to 500 shifted by -200 ms:", eaf.get_annotation_data_for_tier("Ben"))
assert eaf.get_annotation_data_for_tier("Ben") == [(0, 500, "well")]
PY
