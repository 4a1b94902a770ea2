"""Trains one recipe with several seeds and prints validation scores, and test scores if they are asked for.

    python benchmarks/seeds.py recipes/meld.yaml --out runs/seeds/meld --seeds 5 [--set KEY=VALUE] [--redraws 8] [--noise] [--test]

A finished run is not repeated. Scores are those of the epoch that validation chose; weighted F1 in per cent.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from merc.data.schema import Corpus, Part
from merc.data.store.store import open_store
from merc.evaluation.perturbation import Perturbation, perturb
from merc.evaluation.report import evaluate_model
from merc.inference.loading import load
from merc.runs.evaluation import evaluate
from merc.runs.training import train
from merc.synthetic.planting import RowState, planted_truth, redrawn
from merc.training.recipe import load_recipe


def main() -> None:
    """Parses, trains, prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for the runs and results.json")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--set", action="append", default=[], dest="options", metavar="KEY=VALUE")
    parser.add_argument("--test", action="store_true", help="also judge the test part; the look is logged in each run")
    parser.add_argument("--redraws", type=int, default=0, help="also judge validation on so many new draws of its planted streams")
    parser.add_argument("--noise", action="store_true", help="also tell how often trust falls when noise replaces a modality")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    parts: list[Part] = ["validation", "test"] if arguments.test else ["validation"]
    rows: list[dict[str, float]] = []
    corpus = None
    for seed in range(arguments.seeds):
        recipe = load_recipe(arguments.recipe, [*arguments.options, f"training.seed={seed}"])
        corpus = corpus or open_store(Path(str(recipe.data.store)))
        folder = arguments.out / f"seed-{seed}"
        started = time.process_time()
        train(recipe, folder, resume=folder.exists(), corpus=corpus)  # of a finished run it only checks the recipe
        row: dict[str, float] = {"seed": seed, "cpu_seconds": time.process_time() - started}
        for part in parts:
            report = evaluate(folder, part=part, corpus=corpus).report
            row |= {f"{part}/weighted_f1": 100 * report.coarse.weighted_f1, f"{part}/accuracy": 100 * report.coarse.accuracy}
            row[f"{part}/negative_log_likelihood"] = report.coarse.negative_log_likelihood
            row[f"{part}/expected_calibration_error"] = 100 * report.coarse.expected_calibration_error
            if report.trust is not None:
                row |= {f"{part}/trust/{m}": value for m, value in report.trust.mean.items()}
                if report.trust.agreement is not None and report.trust.agreement.kendall_tau is not None:
                    row[f"{part}/trust_agreement"] = report.trust.agreement.kendall_tau
        if arguments.redraws:
            row |= _redrawn(folder, corpus, recipe.data.split, arguments.redraws)
        if arguments.noise:
            row |= _falls(folder, corpus, recipe.data.split)
        rows.append(row)
    table = Table("score", "mean", "sd", *(f"seed {int(r['seed'])}" for r in rows))
    summary: dict[str, dict[str, float]] = {}
    for name in rows[0]:
        if name != "seed":
            values = [r[name] for r in rows]
            summary[name] = {"mean": statistics.mean(values), "sd": statistics.stdev(values) if len(values) > 1 else 0.0}
            table.add_row(name, f"{summary[name]['mean']:.2f}", f"{summary[name]['sd']:.2f}", *(f"{v:.2f}" for v in values))
    Console(width=120).print(table)
    (arguments.out / "results.json").write_text(json.dumps({"runs": rows, "summary": summary}, indent=1) + "\n", encoding="utf-8")


def _redrawn(folder: Path, corpus: Corpus, split: str, draws: int) -> dict[str, float]:
    """Scores over new draws of the validation part's planted streams, all taken together."""
    conversations = corpus.part(split, "validation")
    new = [replace(c, id=f"{c.id} {seed}") for seed in range(1000, 1000 + draws) for c in redrawn(corpus, conversations, seed)]
    names = {"corpus": corpus.name, "split": split, "part": "validation, redrawn"}
    scores = evaluate_model(load(folder), new, **names, trust=False).report.coarse
    return {
        "validation redrawn/weighted_f1": 100 * scores.weighted_f1,
        "validation redrawn/accuracy": 100 * scores.accuracy,
        "validation redrawn/negative_log_likelihood": scores.negative_log_likelihood,
    }


def _falls(folder: Path, corpus: Corpus, split: str) -> dict[str, float]:
    """Share of the validation utterances whose trust in a modality falls when noise replaces it, by modality.

    Utterances that have no other modality do not count, and of planted streams only the rows that carry a signal.
    """
    recogniser, conversations = load(folder), corpus.part(split, "validation")
    samples = [recogniser.preprocessor.sample(c) for c in conversations]
    present = np.concatenate([s.present for s in samples])
    truth = planted_truth(corpus) if "planted" in corpus.notes else {}
    shares: dict[str, float] = {}
    judged = [j.trust for j in recogniser.infer(samples) if j.trust is not None]
    if not judged:  # a network without trust
        return shares
    before = np.concatenate(judged)
    for i, modality in enumerate(recogniser.modalities):
        counted = present[:, i] & (present.sum(axis=1) > 1)
        if modality in truth:
            counted &= np.concatenate([truth[modality][c.id] for c in conversations]) == RowState.SIGNAL
        noisy = [perturb(s, [Perturbation(modality=modality, kind="noise", amount=1.0)], seed=0) for s in samples]
        after = np.concatenate([j.trust for j in recogniser.infer(noisy) if j.trust is not None])
        shares[f"validation/trust falls/{modality}"] = float((after < before)[counted, i].mean())
    return shares


if __name__ == "__main__":
    main()
