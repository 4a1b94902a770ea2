"""Measures CMATH, its ablations and new ideas on all test beds, chosen and judged on validation, in one table.

    python benchmarks/beds.py --out runs/round [--data ../shared/data] [--stores FOLDER] [--beds meld small]
        [--arms cmath early-fusion] [--arm wide=model.width=192] [--arm other=other.yaml] [--set training.epochs=12]
        [--seeds 3] [--others 3] [--processes 2] [--redraws 8] [--noise] [--test]

Beds are named, or the YAML file of a recipe that names its store. A finished run is not repeated: Ctrl-C, or a kill, and the same
command goes on. Scores are those of the epoch that validation chose; weighted F1 in per cent. docs/tuning.md says how to read them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from judgement import Judgement, judge
from rich.console import Console
from rich.table import Table
from rounds import ARMS, BEDS, Round, draws_of, ideas_of, planned, sorted_arms
from scores import ArmScores, Predictions, estimate, labels_of, scores_of

import merc.networks
import merc.training
from merc.data.schema import Part, first_repeated
from merc.errors import MercError, RecipeError
from merc.files.processes import in_processes, use_one_thread
from merc.files.staged_file import write_atomically
from merc.runs.corpus import mapped
from merc.studies.arms import Arm
from merc.studies.plan import tasks_of
from merc.studies.runner import StudyHooks, run_study
from merc.studies.task import Task, is_done, judged_file, read_judged
from merc.synthetic.planting import PLANTED_NOTE

INTERRUPTED = 130  # exit code: Ctrl-C


@dataclass(frozen=True, slots=True, eq=False)
class Bed:
    """A bed's rounds, one a draw."""

    name: str
    rounds: tuple[Round, ...]

    @property
    def families(self) -> list[list[str]]:
        """The arms within which Holm's correction is made: rivals, ablations, ideas."""
        first = self.rounds[0]
        kinds = [(arm.name, "idea" if first.is_idea(arm.name) else arm.kind) for arm in first.plan.arms]
        return [[name for name, own in kinds if own == kind] for kind in ("rival", "ablation", "idea")]


def main() -> None:
    """Parses, trains, judges, prints."""
    arguments = _parser().parse_args()
    try:
        beds = _planned(arguments)
        code = _code_of(arguments.out)
        parts: tuple[Part, ...] = ("validation", "test") if arguments.test else ("validation",)
        found: dict[str, Any] = {part: {bed.name: _found(bed, part, arguments) for bed in beds} for part in parts}
    except MercError as error:
        sys.exit(f"error: {error}")
    except KeyboardInterrupt:
        _stop()
    seeds = {"cmath": arguments.seeds, "others": arguments.others or arguments.seeds}
    content = {"seeds": seeds, "redraws": arguments.redraws, "ideas": ideas_of(arguments.arm), "code": code, **found}
    write_atomically(arguments.out / "results.json", (json.dumps(content, indent=1) + "\n").encode())
    for part, rows in found.items():
        Console(width=32 + 38 * len(beds)).print(_table(part, rows))
    if len(code) > 1:
        print("the code of networks or training changed during this round: give another --out to measure it as it is now")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and results.json")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="optional local data that stores are made of")
    parser.add_argument("--stores", type=Path, help="folder of the stores, by default in --out; several rounds may share it")
    parser.add_argument("--beds", nargs="+", default=list(BEDS), metavar="BED", help=f"of {', '.join(BEDS)}; or a recipe's file")
    parser.add_argument("--arms", nargs="+", default=list(ARMS), metavar="ARM", help="of recipes/rivals and recipes/ablations")
    parser.add_argument("--arm", action="append", default=[], metavar="NAME=CHANGE", help="a new arm: KEY=VALUE or a recipe's file")
    parser.add_argument("--set", action="append", default=[], dest="settings", metavar="KEY=VALUE", help="for every arm")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--others", type=int, metavar="SEEDS", help="seeds of all arms but CMATH, by default as many")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--redraws", type=int, default=8, help="judge beds of planted streams on so many new draws; 0 on the first")
    parser.add_argument("--noise", action="store_true", help="also tell how often trust falls when noise replaces a modality")
    parser.add_argument("--test", action="store_true", help="also judge the test parts, once, at the end; each run logs the look")
    return parser


def _planned(arguments: argparse.Namespace) -> list[Bed]:
    """All beds, before anything is trained."""
    sorted_arms(arguments.arms)
    ideas = ideas_of(arguments.arm)
    draws = {bed: draws_of(bed) for bed in dict.fromkeys(arguments.beds)}
    repeated = first_repeated(draw.name for of_bed in draws.values() for draw in of_bed)
    if repeated is not None:
        raise RecipeError(f"two beds of the name {repeated!r}, whose runs would lie in one folder; give one file another name")
    places = (arguments.data, arguments.stores or arguments.out / "stores", arguments.out / "runs")
    words = (arguments.arms, ideas, arguments.settings, (arguments.seeds, arguments.others or arguments.seeds), places)
    return [Bed(Path(bed).stem, tuple(planned(draw, *words) for draw in of_bed)) for bed, of_bed in draws.items()]


def _code_of(out: Path) -> list[str]:
    """Digests of the code of networks and training that this round has seen, the present one last."""
    files = sorted(path for package in (merc.networks, merc.training) for path in Path(package.__path__[0]).rglob("*.py"))
    now = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    kept = out / "code.json"
    before = json.loads(kept.read_text(encoding="utf-8")) if kept.is_file() else []
    seen = [*(digest for digest in before if digest != now), now]
    write_atomically(kept, (json.dumps(seen) + "\n").encode())
    return seen


def _found(bed: Bed, part: Part, arguments: argparse.Namespace) -> dict[str, Any]:
    redraws = arguments.redraws if all(PLANTED_NOTE in each.corpus.notes for each in bed.rounds) else 0
    for each in bed.rounds:
        _run(each, part, arguments.processes)
    _judge(bed, part, redraws, arguments.noise, arguments.processes)
    return _judged(bed, part, redraws=redraws, trust=arguments.noise)


def _tasks(each: Round, part: Part) -> list[Task]:
    return [task for arm in each.plan.arms for task in tasks_of(each.plan, arm, range(_seeds(each, arm)), part)]


def _seeds(each: Round, arm: Arm) -> int:
    seeds = each.plan.study.seeds
    return seeds.cmath if arm.kind == "cmath" else seeds.rivals


def _run(each: Round, part: Part, processes: int) -> None:
    """Trains and judges what is not done; an interruption ends the program."""
    left = [task for task in _tasks(each, part) if not is_done(task, each.folder)]
    if not left:
        return
    print(f"{each.draw.name}, {part}: {len(left)} runs to be done", flush=True)
    hooks = StudyHooks(on_failure=_warn, on_interruption=_warn)
    if not run_study(each.plan, each.folder, each.store, part=part, processes=processes, hooks=hooks).finished:
        _stop()


def _judge(bed: Bed, part: Part, redraws: int, trust: bool, processes: int) -> None:
    """Judges every finished run on new draws, and its trust under noise."""
    done = [(each, task) for each in bed.rounds for task in _tasks(each, part) if is_done(task, each.folder)]
    asked = [Judgement(task, each.folder, each.store, redraws, trust) for each, task in done]
    left = [one for one in asked if not one.is_done]
    for one, _ in in_processes(judge, left, processes, use_one_thread, ()):
        if not one.is_done:
            _warn(f"{one.task.folder}: its process was killed; the same command goes on")


def _judged(bed: Bed, part: Part, *, redraws: int, trust: bool) -> dict[str, Any]:
    """What is known of a bed: `arms`, each with its scores, and how many seeds of each there are to be."""
    draws: list[Predictions] = []
    found: dict[str, dict[str, list[Any]]] = {}
    for each in bed.rounds:
        corpus = mapped(each.corpus, each.plan.arms[0].recipe)
        true, conversation = labels_of(corpus.part(each.split, part), corpus.label_set, max(1, redraws))
        probabilities: dict[str, dict[int, Any]] = {}
        for task in _tasks(each, part):
            extra = Judgement(task, each.folder, each.store, redraws, trust)
            if not is_done(task, each.folder) or not extra.is_done:
                continue
            judged = read_judged(each.folder / task.folder / judged_file(part))
            probabilities.setdefault(task.arm, {})[task.seed] = extra.probabilities() if redraws else judged.probabilities
            kept = found.setdefault(task.arm, {})
            kept.setdefault("selected", []).append(judged.facts.selected)
            kept.setdefault("best_epoch", []).append(judged.facts.best_epoch)
            if judged.facts.training_cpu_seconds is not None:
                kept.setdefault("cpu_seconds", []).append(judged.facts.training_cpu_seconds)
            for name, value in extra.trust_found().items() if trust else ():
                kept.setdefault(f"trust/{name}", []).append(value)
        draws.append(Predictions(each.draw.name, corpus.name, corpus.label_set, true, conversation, probabilities))
    arms = {
        arm: {**scores.model_dump(mode="json"), **{name: estimate(of).model_dump() for name, of in found[arm].items()}}
        for arm, scores in scores_of(draws, bed.families).items()
    }
    first = bed.rounds[0]
    return {"arms": arms, "seeds": {arm.name: _seeds(first, arm) for arm in first.plan.arms}}


def _table(part: str, beds: dict[str, Any]) -> Table:
    """Arms by beds."""
    title = f"{part}: weighted F1 in % (sd over seeds); CMATH minus the arm (95 % interval), p after Holm"
    table = Table("arm", *beds, title=title, show_lines=True)
    for arm in dict.fromkeys(name for bed in beds.values() for name in bed["arms"]):
        table.add_row(arm, *(_cell(bed["arms"].get(arm), bed["seeds"].get(arm, 0)) for bed in beds.values()))
    return table


def _cell(found: dict[str, Any] | None, planned_seeds: int) -> str:
    if found is None:
        return "no result"
    scores = ArmScores.model_validate({name: found[name] for name in ArmScores.model_fields})
    f1, sd = scores.weighted_f1, scores.weighted_f1.sd
    lines = [f"{100 * f1.mean:.2f}" + ("" if sd is None else f" ({100 * sd:.2f})")]
    if len(scores.seeds) < planned_seeds:
        lines[0] += f", {len(scores.seeds)} of {planned_seeds} seeds"
    d = scores.difference
    if d is not None:
        lines.append(f"{100 * d.difference:+.2f} ({100 * d.low:.2f} to {100 * d.high:.2f}), p {d.p_holm:.3f}")
    if scores.by_draw:
        lines.append("by draw " + " ".join(f"{100 * value:+.1f}" for value in scores.by_draw.values()))
    loss, error = (scores.beside[name].mean for name in ("negative_log_likelihood", "expected_calibration_error"))
    lines.append(f"nll {loss:.3f}, ece {100 * error:.1f}")
    falls = {name.rpartition("/")[2]: of["mean"] for name, of in found.items() if name.startswith("trust/falls/")}
    if falls:
        lines.append("falls " + " ".join(f"{modality} {share:.2f}" for modality, share in falls.items()))
    if "cpu_seconds" in found:
        lines.append(f"{found['cpu_seconds']['mean']:.0f} CPU s a run")
    return "\n".join(lines)


def _stop() -> NoReturn:
    _warn("interrupted; the same command goes on")
    sys.exit(INTERRUPTED)


def _warn(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
