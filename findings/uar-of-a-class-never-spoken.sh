#!/usr/bin/env bash
# Unweighted average recall of audmetric and balanced accuracy of scikit-learn are not the same score.
# Date: 2026-11-29
# Versions: audmetric 1.4.2, scikit-learn 1.9.1
# Guess: Both are the mean recall over the classes that occur in the truth; a wrong prediction costs the same whichever class it
#   names.
# Seen: audmetric averages over the classes of the truth and of the prediction, with recall 0 for one that is only predicted.
#   One error of four utterances gives 0.75 if it names a class of the truth, and 0.50 if it names another; scikit-learn gives
#   0.75 both times. Given the labels of the truth, audmetric drops the wrong utterance: 1.00.
# Why it matters: A dialogue rarely holds all seven emotions, so a score per dialogue or per speaker depends on the choice of
#   library.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check audmetric==1.4.2 scikit-learn==1.9.1
HOME="$work" venv/bin/python - <<'PY'
import warnings

import audmetric
from sklearn.metrics import balanced_accuracy_score

warnings.simplefilter("ignore")  # scikit-learn warns of the class that the truth lacks.
truth = ["joy", "joy", "anger", "anger"]
scores = {}
for wrong in ("anger", "disgust"):
    prediction = ["joy", wrong, "anger", "anger"]
    scores[wrong] = (audmetric.unweighted_average_recall(truth, prediction), balanced_accuracy_score(truth, prediction))
    print(f"one joy predicted as {wrong}: audmetric {scores[wrong][0]:.2f}, scikit-learn {scores[wrong][1]:.2f}")
assert scores == {"anger": (0.75, 0.75), "disgust": (0.5, 0.75)}
restricted = audmetric.unweighted_average_recall(truth, prediction, labels=["joy", "anger"])
print(f"audmetric with the labels of the truth: {restricted:.2f}")
assert restricted == 1
PY
