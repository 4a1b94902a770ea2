#!/usr/bin/env bash
# A heart in a subtitle: pysubs2 writes it unescaped into WebVTT, webvtt-py takes it for a tag, and neither reads escaped text.
# Date: 2026-11-29
# Versions: pysubs2 1.8.1, webvtt-py 0.6.0, pycaption 2.3.14
# Guess: Libraries escape <, > and & when they write WebVTT and undo that when they read, as the format asks.
# Seen: pysubs2 writes "love you <3 though >:(" as it is; webvtt-py reads "love you :(" from it. Of the correctly escaped "love
#   you &lt;3" pysubs2 and webvtt-py both return the escapes as text; pycaption returns the heart.
# Why it matters: A heart may be the one sign of affection in a line, and a text encoder was trained on "<3", not on "&lt;3".
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pysubs2==1.8.1 webvtt-py==0.6.0 pycaption==2.3.14
HOME="$work" venv/bin/python - <<'PY'
import pycaption
import pysubs2
import webvtt

line = "love you <3 though >:("
subtitles = pysubs2.SSAFile()
subtitles.append(pysubs2.SSAEvent(1000, 2000, line))
subtitles.save("written.vtt")
with open("written.vtt") as file:
    assert line in file.read()
written = webvtt.read("written.vtt")[0].text
print("pysubs2 writes:", line, "| webvtt-py reads:", written)
assert written == "love you :("

with open("escaped.vtt", "w") as file:
    file.write("WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nlove you &lt;3\n")
with open("escaped.vtt") as file:
    read = {
        "webvtt-py": webvtt.read("escaped.vtt")[0].text,
        "pysubs2": pysubs2.load("escaped.vtt")[0].plaintext,
        "pycaption": pycaption.WebVTTReader().read(file.read()).get_captions("en-US")[0].get_text(),
    }
print(read)
assert read == {"webvtt-py": "love you &lt;3", "pysubs2": "love you &lt;3", "pycaption": "love you <3"}
PY
