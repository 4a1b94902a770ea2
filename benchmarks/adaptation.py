"""Adapts a model to drawn sets of a corpus's training conversations, and judges it on the whole validation part.

    python benchmarks/adaptation.py STORE --model RUN --out runs/adapt --sets 5 --size 50 [--from-split own] [--part test]

Prints weighted F1, in per cent, of the model as it is, adapted, and trained from nothing: by cross-validation within the set, as
`merc adapt` reports it, and on the part, with 95 % intervals, there at every depth; and CPU seconds. Sets are disjoint. A model
that has seen none of them is needed: with `STORE --hold-out COUNT --out COPY` a store is copied with a split `without-COUNT` whose
training part lacks COUNT conversations, and splits `own-1`, ... of which `--from-split own` takes the sets.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from merc.data.preprocessing import Preprocessor
from merc.data.schema import Conversation, Corpus
from merc.data.splits import by_parts, draw
from merc.data.store.store import open_store, save_store
from merc.evaluation.statistics import compare, score_interval
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.networks.cmath.network import CMATH
from merc.runs.adaptation.arms import FromNothing, predictor
from merc.runs.adaptation.report import ADAPTED, AS_IT_IS, FROM_NOTHING
from merc.runs.adaptation.run import adapt
from merc.training.adaptation import DEPTHS, TRAINED, AdaptationConfig, AdaptedNetwork, adapted, with_classes
from merc.training.cross_validation import Rows, tallies
from merc.training.recipe import recipe_from


def main() -> None:
    """Parses, then holds out or adapts and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path)
    parser.add_argument("--hold-out", type=int, metavar="COUNT", help="only copy the store, to --out, with the splits")
    parser.add_argument("--model", default="shipped")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=5)
    parser.add_argument("--size", type=int, default=50, help="conversations a set")
    parser.add_argument("--from-split", metavar="NAME", help="take the training parts of splits NAME-1, ... in place of a draw")
    parser.add_argument("--part", default="validation", choices=("validation", "test"))
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    corpus = open_store(arguments.store)
    if arguments.hold_out:
        save_store(held_out(corpus, arguments.hold_out, arguments.sets), arguments.out)
        return
    rows = judged_sets(corpus, arguments)
    (arguments.out / f"results-{arguments.part}.json").write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    Console().print(table(rows, arguments.part))


def held_out(corpus: Corpus, count: int, sets: int) -> Corpus:
    """The corpus with a split that lacks `count` drawn training conversations, and with one a set of them."""
    parts = corpus.splits["official"].parts
    drawn = draw(parts["train"], count, seed=0)
    rest = [i for i in parts["train"] if i not in set(drawn)]
    made = [by_parts(f"without-{count}", rest, parts["validation"], parts["test"])]
    size = count // sets
    for number in range(sets):
        own = drawn[number * size : (number + 1) * size]
        made.append(by_parts(f"own-{number + 1}", own, parts["validation"], parts["test"]))
    return replace(corpus, splits={**corpus.splits, **{split.name: split for split in made}})


def judged_sets(corpus: Corpus, arguments: argparse.Namespace) -> list[dict[str, object]]:
    """One row a set."""
    drawn = draw(corpus.splits["official"].parts["train"], arguments.sets * arguments.size, seed=0)
    old = load(arguments.model)
    others, _ = old.features.complete(corpus.part("official", arguments.part), corpus.feature_schema)
    rows: list[dict[str, object]] = []
    for number in range(arguments.sets):
        ids = drawn[number * arguments.size : (number + 1) * arguments.size]
        if arguments.from_split:
            ids = corpus.splits[f"{arguments.from_split}-{number + 1}"].parts["train"]
        own = replace(corpus, conversations=tuple(c for c in corpus.conversations if c.id in set(ids)), splits={})
        rows.append(judged_set(own, others, old, arguments.out / f"set-{number + 1}"))
        print(json.dumps(rows[-1]), flush=True)
    return rows


def judged_set(own: Corpus, others: Sequence[Conversation], old: Recogniser, out: Path) -> dict[str, object]:
    """What `merc adapt` says of a set, and what other conversations say of its models, and of every depth whether chosen or not."""
    began = time.process_time()
    run = adapt(own, out, model=old)
    seconds = time.process_time() - began
    mine, _ = old.features.complete(own.conversations, own.feature_schema)
    made, label_set = run.recogniser, run.recogniser.label_set
    preprocessor = Preprocessor(label_set, old.preprocessor.standardisers)
    samples = {c.id: preprocessor.sample(c) for c in (*mine, *others)}
    train, judged = [c.id for c in mine], [c.id for c in others]
    recipe, start = recipe_from(old.record.recipe), AdaptedNetwork(cmath(old), old.temperature)
    if run.report.new_labels:
        start = AdaptedNetwork(with_classes(start.network, preprocessor.widths, old.label_set.names, label_set.names), 1.0)
    found: dict[str, Mapping[str, Rows]] = {}
    for depth in TRAINED if run.report.new_labels else DEPTHS:
        trained = adapted(start, [samples[i] for i in train], depth, AdaptationConfig(), recipe.objective)
        found[AS_IT_IS if depth == "none" else depth] = predictor(trained.network, samples, trained.temperature)(judged)
    found[ADAPTED] = predictor(made.network, samples, made.temperature)(judged)
    found[FROM_NOTHING] = FromNothing(old, recipe, (*mine, *others), label_set, AdaptationConfig()).train(train)(judged)
    true = {i: samples[i].labels for i in judged}
    counts = {name: tallies(predicted, true) for name, predicted in found.items()}
    row: dict[str, object] = {"conversations": len(train), "utterances": run.report.utterances, "cpu_seconds": round(seconds, 1)}
    row |= {"depth": run.report.depth, "folds": run.report.fold_depths, "kept": run.report.kept}
    row["within"] = {name: rounded(arm.weighted_f1, arm.low, arm.high) for name, arm in run.report.arms.items()}
    intervals = {name: score_interval(each, np.random.default_rng(0)) for name, each in counts.items()}
    row["on_part"] = {name: rounded(each.score, each.low, each.high) for name, each in intervals.items()}
    for name in counts.keys() & {AS_IT_IS, FROM_NOTHING}:
        d = compare(counts[ADAPTED], counts[name], np.random.default_rng(0))
        row[f"adapted minus {name}"] = [*rounded(d.difference, d.low, d.high), round(d.p, 4)]
    return row


def cmath(model: Recogniser) -> CMATH:
    """The network of a model, which `adapt` has found to be one."""
    assert isinstance(model.network, CMATH)
    return model.network


def rounded(*shares: float) -> list[float]:
    """In per cent."""
    return [round(100 * share, 2) for share in shares]


def table(rows: Sequence[dict[str, object]], part: str) -> Table:
    """One line a set."""
    made = Table(title=f"weighted F1 on {part}, in %")
    names = [name for name in (AS_IT_IS, ADAPTED, FROM_NOTHING) if name in rows[0]["on_part"]]  # pyright: ignore[reportOperatorIssue]
    for heading in ("set", "depth", *names, "CPU s"):
        made.add_column(heading)
    for number, row in enumerate(rows, start=1):
        scores = [f"{s:.1f} ({low:.1f} to {high:.1f})" for s, low, high in (row["on_part"][n] for n in names)]  # pyright: ignore[reportIndexIssue]
        made.add_row(str(number), f"{row['depth']}{', kept' if row['kept'] else ''}", *scores, str(row["cpu_seconds"]))
    return made


if __name__ == "__main__":
    main()
