#!/usr/bin/env bash
# VADER by its authors and VADER in NLTK disagree, even with the same lexicon file.
# Date: 2026-11-29
# Versions: vaderSentiment 3.3.2, nltk 3.10.4
# Guess: NLTK holds the same rules, so both packages score a sentence alike.
# Seen: "no worries" is positive (0.33) for one and negative (-0.61) for the other, "without doubt great" 0.74 and -0.29.
#   Sentences without such words score alike.
# Why it matters: VADER is the usual weak label and baseline for emotion in dialogue, and short replies such as "no worries" are
#   common in conversation.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check vaderSentiment==3.3.2 nltk==3.10.4
HOME="$work" venv/bin/python - <<'PY'
import os
import shutil

import nltk
import vaderSentiment
from nltk.sentiment.vader import SentimentIntensityAnalyzer as NltkVader
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer as AuthorsVader

folder = os.path.join(os.getcwd(), "nltk_data", "sentiment", "vader_lexicon")
os.makedirs(folder)
shutil.copy(os.path.join(os.path.dirname(vaderSentiment.__file__), "vader_lexicon.txt"), folder)
nltk.data.path.insert(0, os.path.join(os.getcwd(), "nltk_data"))
authors, in_nltk = AuthorsVader(), NltkVader("sentiment/vader_lexicon/vader_lexicon.txt")
seen = {}
for text in ("I'm so happy!", "not bad at all", "no worries", "without doubt great"):
    seen[text] = tuple(vader.polarity_scores(text)["compound"] for vader in (authors, in_nltk))
    print(text, seen[text])
assert seen["I'm so happy!"][0] == seen["I'm so happy!"][1] and seen["not bad at all"][0] == seen["not bad at all"][1]
assert seen["no worries"] == (0.3252, -0.6124)
assert seen["without doubt great"] == (0.7359, -0.2924)
PY
