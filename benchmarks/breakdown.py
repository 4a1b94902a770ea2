"""Where the time of training and inference goes, by part and by operator: `python benchmarks/breakdown.py --help`.

By part: Python's profiler on CPU time, for the functions that the parts are; a part holds those it calls. The backward pass is one
part, since autograd runs it outside the network's functions. By operator: torch's profiler, each operator without those it calls.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table
from torch.profiler import ProfilerActivity, profile
from workload import RECIPE, TEST_LENGTHS, TRAIN_LENGTHS, conversations, make_recogniser, make_trainer

from merc.training.recipe import Recipe, load_recipe

# Part -> end of the file's path, function. Indented parts lie within the part above.
TRAINING_PARTS = {
    "collate": ("data/padding.py", "padded"),
    "corruption": ("training/corruption.py", "corrupt"),
    "network, teacher's pass included": ("cmath/network.py", "forward"),
    "  reconstruction, contracting": ("cmath/reconstruction.py", "forward"),
    "  reconstruction, expanding": ("cmath/reconstruction.py", "expand"),
    "  towers": ("cmath/cma_transformer.py", "forward"),
    "  posteriors and fusion": ("cmath/fusion.py", "forward"),
    "terms of the loss": ("cmath/network.py", "terms"),
    "backward pass": ("torch/_tensor.py", "backward"),
    "clipping": ("nn/utils/clip_grad.py", "clip_grad_norm_"),
    "optimiser": ("optim/adam.py", "step"),
    "averaged weights": ("optim/swa_utils.py", "ema_update"),
    "checkpoint": ("training/checkpoint.py", "save_checkpoint"),
}
INFERENCE_PARTS = {
    "collate": ("data/padding.py", "padded"),
    "network": ("cmath/network.py", "forward"),
    "  reconstruction, contracting": ("cmath/reconstruction.py", "forward"),
    "  towers": ("cmath/cma_transformer.py", "forward"),
    "  posteriors and fusion": ("cmath/fusion.py", "forward"),
}


def training_epoch(recipe: Recipe, lengths: tuple[int, ...], seed: int) -> Callable[[], None]:
    """A function that trains for the only epoch; it runs once."""
    trainer = make_trainer(recipe, conversations(lengths, seed), 1, seed)

    def run() -> None:
        with tempfile.TemporaryDirectory() as folder:
            checkpoint = Path(folder) / "checkpoint.safetensors"
            trainer.fit(
                lambda _network: {"weighted_f1": 0.0},
                checkpoint,
                lambda _record: None,
                lambda _stage, _done, _total: None,
                lambda: False,
            )

    return run


def inference_pass(recipe: Recipe, lengths: tuple[int, ...], seed: int) -> Callable[[], None]:
    """A function that judges all conversations."""
    samples, recogniser = conversations(lengths, seed), make_recogniser(recipe, seed)

    def run() -> None:
        recogniser.infer(samples)

    return run


def by_part(run: Callable[[], None], parts: dict[str, tuple[str, str]], title: str) -> Table:
    """CPU seconds of each part, its own calls and those below."""
    profiler = cProfile.Profile(time.process_time)
    profiler.runcall(run)
    stats = pstats.Stats(profiler)
    table = Table("part", "calls", "CPU seconds", "share", title=title)
    for name, (file, function) in parts.items():
        calls, seconds = _outermost(stats, file, function)
        table.add_row(name, f"{calls:,}", f"{seconds:.3f}", f"{seconds / stats.total_tt:.1%}")
    table.add_row("all", "", f"{stats.total_tt:.3f}", "100.0%")
    return table


def by_operator(run: Callable[[], None], top: int, title: str) -> Table:
    """Self time of the costliest operators, in torch's profiler's (wall clock) milliseconds."""
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        run()
    events = sorted(profiler.key_averages(), key=lambda event: -event.self_cpu_time_total)
    total = sum(event.self_cpu_time_total for event in events)
    table = Table("operator", "calls", "self, ms", "share", title=title)
    for event in events[:top]:
        own = event.self_cpu_time_total
        table.add_row(event.key, f"{event.count:,}", f"{own / 1000:,.1f}", f"{own / total:.1%}")
    return table


def _outermost(stats: pstats.Stats, file: str, function: str) -> tuple[int, float]:
    """Calls and seconds of a function; where functions of one file and name call one another, of the longest-running one."""
    found = [
        (values[1], values[3])
        for (path, _line, name), values in stats.stats.items()  # type: ignore[attr-defined]
        if path.replace("\\", "/").endswith(file) and name == function
    ]
    return max(found, key=lambda entry: entry[1], default=(0, 0.0))


def main(words: list[str] | None = None) -> None:
    """Parses, profiles, prints."""
    parser = argparse.ArgumentParser(description="Where the time goes on IEMOCAP's shapes, with random features.")
    parser.add_argument("--recipe", type=Path, default=RECIPE, metavar="FILE", help="gives model, loss, corruption and training")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="change a key of the recipe")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--conversations", type=int, default=len(TRAIN_LENGTHS), help="use only the first so many")
    parser.add_argument("--top", type=int, default=20, help="operators to list")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args(words)
    torch.set_num_threads(arguments.threads)
    recipe, console = load_recipe(arguments.recipe, arguments.set), Console(width=None if sys.stdout.isatty() else 120)
    count, seed = arguments.conversations, arguments.seed
    for title, make, lengths, parts in (
        ("training, one epoch", training_epoch, TRAIN_LENGTHS[:count], TRAINING_PARTS),
        ("inference, one pass", inference_pass, TEST_LENGTHS[:count], INFERENCE_PARTS),
    ):
        make(recipe, lengths, seed)()  # to warm up
        console.print(by_part(make(recipe, lengths, seed), parts, f"{title}, by part"))
        console.print(by_operator(make(recipe, lengths, seed), arguments.top, f"{title}, by operator"))


if __name__ == "__main__":
    main()
