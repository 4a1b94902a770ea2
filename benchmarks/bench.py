"""Speed and memory of training and inference on IEMOCAP's shapes: `make bench`, or `python benchmarks/bench.py --help`.

Prints a table and, with --json, writes what it measured. The features are random, so nothing is said about quality. Training
is `Trainer` itself: batches, corruption, averaged teacher, every term of the loss, optimiser, checkpoint. Inference is
`Recogniser.judge`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measurement import GEMM_SIZE, Round, Turns, child_cpu_seconds, peak_memory, summary
from rich.console import Console
from rich.table import Table
from workload import RECIPE, TEST_LENGTHS, TRAIN_LENGTHS, WIDTHS, conversations, make_recogniser, make_trainer

from merc.data.batching import shuffled_buckets
from merc.data.padding import padding_waste
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.networks.interface import Network, parameter_count
from merc.training.recipe import Recipe, load_recipe

IMPORTS_GIB = peak_memory()
TRAINING_PER_GFLOP, INFERENCE_PER_GFLOP = 17.0, 65.0
TRAINING_GIB, WASTE, HELP_SECONDS = 1.2, 0.10, 0.3
HELP_RUNS = 5


def measure_training(recipe: Recipe, lengths: tuple[int, ...], rounds: int, seed: int) -> list[Round]:
    """One round an epoch, after an epoch to warm up. A step of training and two matrix products take turns."""
    samples = conversations(lengths, seed)
    trainer = make_trainer(recipe, samples, rounds + 1, seed)
    turns, measured = Turns(products=2), list[Round]()

    def after_step(_stage: str, _done: int, _total: int) -> None:
        turns.pause()
        turns.resume()

    def after_epoch(_network: Network) -> dict[str, float]:
        measured.append(turns.result(sum(lengths)))
        turns.resume()
        return {"weighted_f1": float(len(measured))}

    with tempfile.TemporaryDirectory() as folder:
        turns.resume()
        trainer.fit(after_epoch, Path(folder) / "checkpoint.safetensors", lambda _record: None, after_step, lambda: False)
    return measured[1:]


def measure_inference(recipe: Recipe, lengths: tuple[int, ...], rounds: int, seed: int) -> list[Round]:
    """Three passes over the test conversations a round, after a round to warm up. A pass and five matrix products take turns."""
    samples, recogniser = conversations(lengths, seed), saved_and_loaded(make_recogniser(recipe, seed))
    turns, measured = Turns(products=5), list[Round]()
    for _ in range(rounds + 1):
        for _ in range(3):
            turns.resume()
            recogniser.infer(samples)
            turns.pause()
        measured.append(turns.result(3 * sum(lengths)))
    return measured[1:]


def saved_and_loaded(recogniser: Recogniser) -> Recogniser:
    """The model as its users have it: run by ONNX Runtime, where its network can be exported."""
    with tempfile.TemporaryDirectory() as folder:
        recogniser.save_pretrained(folder)
        return load(folder)


def training_waste(recipe: Recipe, lengths: tuple[int, ...], seed: int) -> float:
    """Share of padding in training, mean over the batches of 20 epochs."""
    size = recipe.training.batch_conversations
    return statistics.mean(
        padding_waste(lengths, shuffled_buckets(lengths, size, np.random.default_rng([seed, 0, epoch]))) for epoch in range(20)
    )


def inference_waste(recipe: Recipe, lengths: tuple[int, ...], seed: int) -> float:
    """Share of padding in the batches that the recogniser makes."""
    recogniser, positions = make_recogniser(recipe, seed), list[int]()
    hook = recogniser.network.register_forward_pre_hook(lambda _network, inputs: positions.append(inputs[0].valid.numel()))
    recogniser.infer(conversations(lengths, seed))
    hook.remove()
    return 1 - sum(lengths) / sum(positions)


def measure_memory(what: str, arguments: argparse.Namespace) -> dict[str, float]:
    """Peak memory of one epoch, or one pass, in a process of its own, and of its imports alone."""
    command = [sys.executable, str(Path(__file__).resolve()), "--memory-of", what, *_passed_on(arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def report_memory(what: str, recipe: Recipe, conversation_count: int, seed: int) -> dict[str, float]:
    """What `measure_memory`'s process does and prints."""
    if what == "training":
        measure_training(recipe, TRAIN_LENGTHS[:conversation_count], 1, seed)
    else:
        measure_inference(recipe, TEST_LENGTHS[:conversation_count], 1, seed)
    return {"peak_gib": peak_memory(), "imports_gib": IMPORTS_GIB}


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything, as one value for JSON."""
    recipe = load_recipe(arguments.recipe, arguments.set)
    count, seed, rounds = arguments.conversations, arguments.seed, arguments.rounds
    train_lengths, test_lengths = TRAIN_LENGTHS[:count], TEST_LENGTHS[:count]
    training = measure_training(recipe, train_lengths, rounds, seed)
    inference = measure_inference(recipe, test_lengths, rounds, seed)
    help_seconds = child_cpu_seconds([str(Path(sys.executable).with_name("merc")), "--help"], HELP_RUNS)
    return {
        "machine": {
            "processor": platform.machine(),
            "cores": os.cpu_count(),
            "vector_unit": torch.backends.cpu.get_cpu_capability(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "threads": torch.get_num_threads(),
        },
        "workload": {
            "recipe": recipe.name,
            "changes": arguments.set,
            "model": recipe.model.model_dump(mode="json"),
            "parameters": parameter_count(make_recogniser(recipe, seed).network),
            "widths": WIDTHS,
            "train": {"conversations": len(train_lengths), "utterances": sum(train_lengths)},
            "test": {"conversations": len(test_lengths), "utterances": sum(test_lengths)},
            "seed": seed,
            "rounds": rounds,
            "gemm": f"{GEMM_SIZE} x {GEMM_SIZE} x {GEMM_SIZE} float32",
        },
        "training": summary(training)
        | {"memory": measure_memory("training", arguments), "padding_waste": training_waste(recipe, train_lengths, seed)},
        "inference": summary(inference)
        | {"memory": measure_memory("inference", arguments), "padding_waste": inference_waste(recipe, test_lengths, seed)},
        "help_cpu_seconds": {
            "median": statistics.median(help_seconds),
            "least": min(help_seconds),
            "greatest": max(help_seconds),
        },
    }


def table_of(measured: dict[str, Any]) -> Table:
    """The figures beside their targets."""
    machine, work = measured["machine"], measured["workload"]
    made_with = f"torch {machine['torch']}, {machine['threads']} thread(s)"
    table = Table(title=f"recipe {' '.join([work['recipe'], *work['changes']])}, {work['parameters']:,} parameters; {made_with}")
    for heading in ("", "median", "least", "greatest", "target"):
        table.add_column(heading, justify="left" if not heading else "right")

    def spread(name: str, value: dict[str, float], digits: int, target: str = "") -> None:
        table.add_row(name, *(f"{value[key]:,.{digits}f}" for key in ("median", "least", "greatest")), target)

    def single(name: str, value: str, target: str = "") -> None:
        table.add_row(name, value, "", "", target)

    for part, target in (("training", TRAINING_PER_GFLOP), ("inference", INFERENCE_PER_GFLOP)):
        figures = measured[part]
        spread(f"{part}: utterances per GEMM-GFLOP", figures["utterances_per_gemm_gflop"], 1, f">= {target:g}")
        spread(f"{part}: utterances per CPU second", figures["utterances_per_cpu_second"], 0)
        spread(f"{part}: utterances per second", figures["utterances_per_second"], 0)
        spread(f"{part}: GEMM GFLOP per CPU second", figures["gemm_gflop_per_cpu_second"], 0)
        memory = figures["memory"]
        single(f"{part}: peak memory, GiB", f"{memory['peak_gib']:.2f}", f"< {TRAINING_GIB:g}" if part == "training" else "")
        single(f"{part}: of it by the imports alone, GiB", f"{memory['imports_gib']:.2f}")
        single(f"{part}: padding", f"{figures['padding_waste']:.1%}", f"< {WASTE:.0%}")
    spread("merc --help: CPU seconds", measured["help_cpu_seconds"], 2, f"< {HELP_SECONDS:g}")
    return table


def main(words: list[str] | None = None) -> None:
    """Parses, measures, prints."""
    parser = argparse.ArgumentParser(description="Speed and memory of merc on IEMOCAP's shapes, with random features.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures here")
    parser.add_argument("--recipe", type=Path, default=RECIPE, metavar="FILE", help="gives model, loss, corruption and training")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each measurement")
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        help="threads of torch and ONNX Runtime; on a shared machine more than 1 wait for each other",
    )
    parser.add_argument("--conversations", type=int, default=len(TRAIN_LENGTHS), help="use only the first so many")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--memory-of", choices=("training", "inference"), help=argparse.SUPPRESS)
    arguments = parser.parse_args(words)
    if min(arguments.rounds, arguments.threads, arguments.conversations) < 1:
        parser.error("--rounds, --threads and --conversations must be 1 or more")
    torch.set_num_threads(arguments.threads)
    os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # what ONNX Runtime is given
    if arguments.memory_of:
        recipe = load_recipe(arguments.recipe, arguments.set)
        print(json.dumps(report_memory(arguments.memory_of, recipe, arguments.conversations, arguments.seed)))
        return
    measured = measure(arguments)
    Console(width=None if sys.stdout.isatty() else 120).print(table_of(measured))
    if arguments.json:
        arguments.json.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


def _passed_on(arguments: argparse.Namespace) -> list[str]:
    names = ("recipe", "threads", "conversations", "seed")
    words = [word for name in names for word in (f"--{name}", str(getattr(arguments, name)))]
    return words + [word for change in arguments.set for word in ("--set", change)]


if __name__ == "__main__":
    main()
