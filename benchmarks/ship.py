"""Makes the shipped model of a finished run, or judges the shipped one again: its files, its scores, its card.

    python benchmarks/ship.py runs/shipped --meld store/meld --mosi store/mosi
    python benchmarks/ship.py --meld store/meld --mosi store/mosi --test

Scores are those of MELD's validation part and, with --test, of its test part, each with an interval from a bootstrap over
conversations. With --mosi the emotions' polarity is judged on CMU-MOSI's transcripts, which the model never saw: joy against anger,
disgust, fear and sadness. All figures go into scores.json and into the card, README.md.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

from merc.data.schema import PARTS, Conversation, Corpus, Part
from merc.data.store.store import open_store
from merc.encoders.text.adapter import adapter_file
from merc.evaluation.calibration import reliability
from merc.evaluation.report import Conditions, Predictions
from merc.files.checksums import CHECKSUMS
from merc.inference.card import MISUSE
from merc.inference.loading import SHIPPED_FOLDER, load
from merc.inference.recogniser import Recogniser
from merc.inference.saved import CARD, CONFIG, WEIGHTS
from merc.runs.evaluation import evaluate

SCORES = "scores.json"
RESAMPLES = 2000
NEGATIVE = ("anger", "disgust", "fear", "sadness")
POSITIVE = ("joy",)
MOST_BYTES = 15_000_000
TEMPLATE = Path(__file__).parent / "shipped_card.md"
Figures = dict[str, float | list[float]]


def main() -> None:
    """Parses, judges, writes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, nargs="?", help="a finished run; by default the model that is shipped already")
    parser.add_argument("--out", type=Path, default=SHIPPED_FOLDER)
    parser.add_argument("--meld", type=Path, required=True, help="a store of MELD with Praat's measurements")
    parser.add_argument("--mosi", type=Path, help="a store of CMU-MOSI")
    parser.add_argument("--test", action="store_true", help="also judge the test part")
    arguments = parser.parse_args()
    model = load(arguments.run)
    meld, parts = open_store(arguments.meld), PARTS[2:0:-1] if arguments.test else PARTS[1:2]
    scores: dict[str, object] = {part: judged(model, meld, part) for part in parts}
    if arguments.mosi is not None:
        scores["mosi"] = polarity(model, open_store(arguments.mosi).conversations)
    arguments.out.mkdir(parents=True, exist_ok=True)
    if arguments.run is not None:
        for name in (WEIGHTS, CONFIG, CHECKSUMS, *(adapter_file(number) for number, _ in enumerate(model.adapters, start=1))):
            shutil.copyfile(arguments.run / "model" / name, arguments.out / name)
    (arguments.out / SCORES).write_text(json.dumps(scores, indent=1) + "\n", encoding="utf-8")
    (arguments.out / CARD).write_text(card(model, scores), encoding="utf-8")
    size = sum(path.stat().st_size for path in arguments.out.iterdir())
    print(json.dumps(scores, indent=1))
    print(f"{arguments.out}: {size / 1e6:.1f} MB of {MOST_BYTES / 1e6:.0f} MB")
    if size > MOST_BYTES:
        raise SystemExit("too large to ship")


def judged(model: Recogniser, meld: Corpus, part: Part) -> dict[str, Figures]:
    """Scores of a part: with all that there is, and with words or sound alone."""
    found: dict[str, Figures] = {}
    for name, without in (("words and sound", ()), ("words", ("audio",)), ("sound", ("text",))):
        evaluation = evaluate(model, part=part, corpus=meld, conditions=Conditions(without=without))
        found[name] = figures(evaluation.predictions, tuple(evaluation.report.coarse.per_class))
    return found


def figures(predictions: Predictions, labels: Sequence[str]) -> Figures:
    """Each score with its 95 % interval, from a bootstrap over conversations."""
    known = predictions.true >= 0
    true, probabilities = predictions.true[known], predictions.probabilities[known]
    conversation = np.unique(np.array(predictions.conversations)[known], return_inverse=True)[1]
    rows = [np.flatnonzero(conversation == c) for c in range(conversation.max() + 1)]
    random = np.random.default_rng(0)
    drawn = [np.concatenate([rows[c] for c in random.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES)]
    point = _scores(true, probabilities, labels)
    resampled = [_scores(true[indices], probabilities[indices], labels) for indices in drawn]
    result: Figures = {"utterances": float(len(true)), "conversations": float(len(rows))}
    for name, value in point.items():
        low, high = np.quantile([scores[name] for scores in resampled], [0.025, 0.975])
        result[name] = [round(x, 4) for x in (value, float(low), float(high))]
    return result


def _scores(true: NDArray[np.int64], probabilities: NDArray[np.float64], labels: Sequence[str]) -> dict[str, float]:
    predicted = probabilities.argmax(axis=1)
    each = f1_score(true, predicted, labels=range(len(labels)), average=None, zero_division=0)
    shares = np.bincount(true, minlength=len(labels)) / len(true)
    return {
        "weighted_f1": float((each * shares).sum()),
        "accuracy": float(accuracy_score(true, predicted)),
        "macro_f1": float(each.mean()),
        "expected_calibration_error": reliability(true, probabilities).expected_calibration_error,
        "negative_log_likelihood": float(-np.log(probabilities[np.arange(len(true)), true]).mean()),
        **{f"f1/{name}": float(each[i]) for i, name in enumerate(labels)},
    }


def polarity(model: Recogniser, conversations: Sequence[Conversation]) -> Figures:
    """How the emotions' polarity agrees with MOSI's binary sentiment, by words alone."""
    bare = [Conversation(c.id, c.utterances) for c in conversations]
    positive: list[float] = []
    true: list[int] = []
    groups: list[int] = []
    for number, emotions in enumerate(model.predict(bare)):
        for utterance, emotion in zip(conversations[number].utterances, emotions.utterances, strict=True):
            if utterance.label is not None:
                ups, downs = (sum(emotion.probabilities[name] for name in side) for side in (POSITIVE, NEGATIVE))
                positive.append(ups / (ups + downs))
                true.append(int(utterance.label == "positive"))
                groups.append(number)
    score, labels, group = np.array(positive), np.array(true), np.array(groups)
    rows = [np.flatnonzero(group == g) for g in np.unique(group)]
    random = np.random.default_rng(0)
    drawn = [np.concatenate([rows[c] for c in random.integers(0, len(rows), len(rows))]) for _ in range(RESAMPLES)]

    def both(indices: NDArray[np.int64]) -> tuple[float, float]:
        said = score[indices] > 0.5
        return float(accuracy_score(labels[indices], said)), float(roc_auc_score(labels[indices], score[indices]))

    point, resampled = both(np.arange(len(labels))), np.array([both(indices) for indices in drawn])
    result: Figures = {
        "utterances": float(len(labels)),
        "conversations": float(len(rows)),
        "majority": float(max(labels.mean(), 1 - labels.mean())),
    }
    for i, name in enumerate(("accuracy", "area_under_roc")):
        result[name] = [round(float(x), 4) for x in (point[i], *np.quantile(resampled[:, i], [0.025, 0.975]))]
    return result


def card(model: Recogniser, scores: dict[str, object]) -> str:
    """The run's own card with the shipped model's own part before its limits."""
    test = "the test part was judged once, when all was settled" if "test" in scores else "the test part has not been judged"
    own = TEMPLATE.read_text(encoding="utf-8").format(tables=_tables(scores), misuse=MISUSE, test=test)
    text = model.card()
    place = text.index("## Limits")
    return text[:place] + own.strip() + "\n\n" + text[place:]


def _tables(scores: dict[str, object]) -> str:
    lines: list[str] = []
    for part, of_part in scores.items():
        assert isinstance(of_part, dict)
        if part == "mosi":
            continue
        names = list(of_part)
        lines += ["", f"MELD, {part} part: value (95 % interval over conversations)", "", f"| | {' | '.join(names)} |"]
        lines += ["|---" * (len(names) + 1) + "|"]
        for key, value in of_part[names[0]].items():
            if isinstance(value, list):
                lines.append(f"| {key.replace('_', ' ')} | " + " | ".join(_cell(of_part[n][key]) for n in names) + " |")
    if isinstance(mosi := scores.get("mosi"), dict):
        lines += ["", "CMU-MOSI, polarity of the emotions by words alone (joy against anger, disgust, fear and sadness)", ""]
        lines += ["| accuracy | area under the ROC curve | largest class |", "|---|---|---|"]
        lines += [f"| {_cell(mosi['accuracy'])} | {_cell(mosi['area_under_roc'])} | {mosi['majority']:.3f} |"]
    return "\n".join(lines).strip()


def _cell(value: list[float]) -> str:
    point, low, high = value
    return f"{point:.3f} ({low:.3f} to {high:.3f})"


if __name__ == "__main__":
    main()
