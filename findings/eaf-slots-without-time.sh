#!/usr/bin/env bash
# ELAN files may hold time slots without a time (the border between two parts of an utterance that nobody placed); no Python
# reader gives such an annotation its times.
# Date: 2026-11-29
# Versions: pympi-ling 1.71, elan-data 1.7.3, speach 0.1a15.post1
# Guess: Readers interpolate between the neighbouring times, as ELAN displays it, or leave the annotation out with a warning.
# Seen: pympi returns None as a time and then raises TypeError in get_annotation_data_at_time and shift_annotations. speach
#   reads the file and raises TypeError when it writes its table. elan-data raises KeyError and reads nothing of the file.
# Why it matters: One unplaced border in one tier makes a whole annotated conversation unreadable, or puts None where the code
#   expects milliseconds.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pympi-ling==1.71 elan-data==1.7.3 speach==0.1a15.post1
HOME="$work" venv/bin/python - <<'PY'
import elan_data
import pympi
from speach import elan

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


def error(call):
    try:
        call()
    except Exception as raised:
        return type(raised).__name__
    return None


def read_elan_data(path):
    elan_data.ELAN_Data.from_file(path).init_dataframe()


seen = {}
for name, slot in (("placed", 'TIME_VALUE="1500"'), ("unplaced", "")):
    with open("talk.eaf", "w") as file:
        file.write(DOCUMENT % slot)
    eaf = pympi.Eaf("talk.eaf")
    seen[name] = (
        eaf.get_annotation_data_for_tier("emotion"),
        error(lambda: eaf.get_annotation_data_at_time("emotion", 1200)),
        error(lambda: eaf.shift_annotations(100)),
        error(lambda: elan.read_eaf("talk.eaf").to_csv_rows()),
        error(lambda: read_elan_data("talk.eaf")),
    )
    print(name, *seen[name])
assert seen["placed"] == ([(1000, 1500, "fear"), (1500, 2000, "sad")], None, None, None, None)
assert seen["unplaced"] == ([(1000, None, "fear"), (None, 2000, "sad")], "TypeError", "TypeError", "TypeError", "KeyError")
PY
