#!/usr/bin/env bash
# pylangacq: the ELAN files that it makes of timed CHAT transcripts are not well-formed XML.
# Date: 2026-11-29
# Versions: pylangacq 0.23.0 (rustling 0.9.0), pympi-ling 1.71
# Guess: to_elan_files writes the words as annotation values and the times as time slots; any ELAN reader opens the result.
# Seen: The time bullet stays in the text of each timed utterance with its two control characters U+0015, which XML 1.0 forbids:
#   the standard parser raises ParseError, pympi an Exception.  Without times the file can be read.
# Why it matters: Conversations from TalkBank come as CHAT, and the times are what ties the words to the voice.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pylangacq==0.23.0 rustling==0.9.0 pympi-ling==1.71
HOME="$work" venv/bin/python - <<'PY'
import os
import xml.etree.ElementTree as ElementTree

import pylangacq
import pympi

CHAT = """@UTF8
@Begin
@Languages:\teng
@Participants:\tANN Anna Adult, BEN Ben Adult
@ID:\teng|corpus|ANN|||||Adult|||
@ID:\teng|corpus|BEN|||||Adult|||
@Media:\ttalk, audio
*ANN:\toh no .{0}
*BEN:\tyes .{1}
@End
"""


def read(*bullets):
    with open("talk.cha", "w") as file:
        file.write(CHAT.format(*bullets))
    chat = pylangacq.read_chat("talk.cha")
    chat.to_elan_files("out")
    try:
        return pympi.Eaf(os.path.join("out", "talk.eaf")).get_annotation_data_for_tier("ANN")
    except Exception as error:
        return error


os.mkdir("out")
untimed = read("", "")
timed = read(" \x151000_2000\x15", " \x152500_3000\x15")
print("without times:", untimed)
print("with times:", repr(timed), "from", repr(timed.__context__))
assert untimed == [(None, None, "oh no .")]
assert isinstance(timed, Exception) and isinstance(timed.__context__, ElementTree.ParseError)
with open(os.path.join("out", "talk.eaf")) as file:
    assert "oh no . \x151000_2000\x15</ANNOTATION_VALUE>" in file.read()
PY
