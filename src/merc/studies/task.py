"""One task of a study: one arm trained with one seed on one split, and judged. Its folder is the unit of progress.

run/                        the run, as `merc train` makes it, without the checkpoint once it is finished
cost.jsonl                  CPU time and peak memory of each session of its training
judged-PART.safetensors     what the model said of a part under every condition
failure.json                why the last attempt failed; gone once it succeeds
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from merc.data.preprocessing import pick_features
from merc.data.schema import Corpus, Part
from merc.errors import RunError
from merc.files.lock import locked_folder, remove_left_lock
from merc.files.staged_file import sweep_temporaries, write_atomically
from merc.files.tensors import tensor_bytes, tensor_metadata
from merc.inference.loading import load
from merc.inference.predictions import concatenated
from merc.runs.corpus import mapped
from merc.runs.folder import CHECKPOINT, log_evaluation, read_outcome, source_commit
from merc.runs.training import Hooks, train
from merc.settings import Amount, Progress, Settings
from merc.studies.cost import Meter, machine, read_cost
from merc.studies.robustness import CLEAN, Condition, presence, under
from merc.training.recipe import Protocol, Recipe

RUN, COST, FAILURE = "run", "cost.jsonl", "failure.json"
FORMAT = 1

End = Literal["done", "interrupted", "busy"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks are done: the study's folder, the store's corpus, and its digest, which a task's `data` must equal."""

    study: Path
    corpus: Corpus
    digest: str


class Task(Settings):
    """One training to be done and judged.

    Attributes:
        folder: of the task, relative to the study's.
        recipe: complete, with split and seed.
        data: digest of the corpus that it belongs to (see `merc.studies.plan.Plan.digest`).
        features: the study's features, modality -> name; the arm may take fewer.
        conditions: to be judged under, clean first.
    """

    arm: str
    split: str
    seed: int
    folder: str
    recipe: Recipe
    data: str
    features: dict[str, str]
    part: Part
    conditions: tuple[Condition, ...]


class Facts(Settings):
    """What is known of a judged task besides its predictions.

    Attributes:
        conditions: in the order of the predictions.
        modalities: that the model takes, in the order of trust.
        selected: weighted F1 of the chosen epoch on the part that chose it.
        training_cpu_seconds: over all sessions of the training; None if a session was killed, so that its cost is not known.
        peak_memory_mib: of the training, above what its process held before; None where the system does not report it.
        utterances_per_second: judged a CPU second, without corruption.
        versions: of the software that trained.
        machine: that judged.
        warnings: of the training.
    """

    format: int = FORMAT
    part: Part
    protocol: Protocol
    data: str
    conditions: tuple[Condition, ...]
    modalities: tuple[str, ...]
    selected: float
    best_epoch: int
    training_cpu_seconds: float | None
    peak_memory_mib: float | None
    utterances_per_second: float
    versions: dict[str, str]
    machine: dict[str, str]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedTask:
    """A task's predictions, over N utterances of the part in the corpus's order.

    Attributes:
        probabilities: (N, C), clean.
        predicted: (D, N) class indices under each condition.
        trust: (D, M) mean trust over the utterances that have the modality, NaN where none has; None without trust.
        uncertainty: (N,) clean, or None.
    """

    facts: Facts
    probabilities: np.ndarray
    predicted: np.ndarray
    trust: np.ndarray | None
    uncertainty: np.ndarray | None


def remove_leftovers(task: Task, study: Path) -> None:
    """Removes the temporary files and locks that killed processes left of a task; those in use stay."""
    for place in (study / task.folder, study / task.folder / RUN):
        sweep_temporaries(place)
        remove_left_lock(place)


def run_task(task: Task, place: Place, progress: Progress, interrupted: Callable[[], bool]) -> End:
    """Trains what is not trained and judges what is not judged, and keeps other processes out of the task's folder meanwhile.

    `interrupted` is asked between two steps of the training; a yes saves and ends it.

    Returns:
        How it ended: `interrupted` can go on, `busy` is being done by another process.

    Raises:
        RunError: the store has changed since the study began.
        MercError: see `merc.runs.training.train`.
    """
    folder = place.study / task.folder
    folder.mkdir(parents=True, exist_ok=True)
    with locked_folder(folder, wait=False) as held:
        if not held:
            return "busy"
        if is_done(task, place.study):
            return "done"
        if place.digest != task.data:
            raise RunError(f"the store {task.recipe.data.store} is not what it was when the study began; give another --out")
        run = folder / RUN
        if read_outcome(run) is None:
            meter = Meter()

            def counted(stage: str, done: Amount, total: Amount | None) -> None:
                meter.progress(stage, done, total)
                progress(stage, done, total)

            hooks = Hooks(interrupted=interrupted)
            how: dict[str, Any] = {"progress": counted, "hooks": hooks, "graph": False}
            outcome = train(task.recipe, run, resume=run.exists(), corpus=place.corpus, **how).outcome
            meter.write(folder / COST)
            if not outcome.finished:
                return "interrupted"
        (run / CHECKPOINT).unlink(missing_ok=True)  # five times the model's size, and of no more use
        write_atomically(folder / judged_file(task.part), _judge(task, run, folder, place.corpus))
        (folder / FAILURE).unlink(missing_ok=True)
    return "done"


def is_done(task: Task, study: Path) -> bool:
    """Whether a task has been trained, and judged under these very conditions."""
    folder = study / task.folder
    try:
        facts = _facts_of(folder / judged_file(task.part))
    except RunError:
        return False
    same = (facts.conditions, facts.part, facts.data) == (task.conditions, task.part, task.data)
    return same and read_outcome(folder / RUN) is not None


def judged_file(part: Part) -> str:
    """The name of the file with the predictions for a part."""
    return f"judged-{part}.safetensors"


def read_judged(path: Path) -> JudgedTask:
    """Reads what `run_task` wrote.

    Raises:
        RunError: missing or damaged.
    """
    facts = _facts_of(path)
    try:
        tensors = load_tensors(path.read_bytes())
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path}: damaged predictions ({error})") from None
    return JudgedTask(facts, tensors["probabilities"], tensors["predicted"], tensors.get("trust"), tensors.get("uncertainty"))


def record_failure(folder: Path, error: str, details: str = "") -> None:
    """Keeps why a task failed, in one line and in full."""
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(folder / FAILURE, (json.dumps({"error": error, "details": details}, indent=1) + "\n").encode())


def read_failure(folder: Path) -> str | None:
    """Why a task's last attempt failed; None if it did not."""
    try:
        return str(json.loads((folder / FAILURE).read_text(encoding="utf-8"))["error"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return "failed; its record can't be read"


def _facts_of(path: Path) -> Facts:
    try:
        facts = Facts.model_validate_json(tensor_metadata(path.read_bytes())["facts"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise RunError(f"{path}: no predictions, or damaged ones ({str(error).splitlines()[0]})") from None
    if facts.format != FORMAT:
        raise RunError(f"{path}: predictions of format {facts.format}, this version reads {FORMAT}")
    return facts


def _judge(task: Task, run: Path, folder: Path, corpus: Corpus) -> bytes:
    """The bytes of the file with the predictions. That the part is judged is logged first."""
    recogniser, outcome = load(run), read_outcome(run)
    assert outcome is not None
    corpus = mapped(corpus, task.recipe)
    conversations = corpus.part(task.split, task.part)
    specs = pick_features(corpus, task.features)
    present = {c.id: presence(c, specs) for c in conversations}
    samples = [recogniser.preprocessor.sample(c) for c in conversations]
    log_evaluation(run, part=task.part, split=task.split, corpus=corpus.name, by="study")
    started = time.process_time()
    clean = concatenated(recogniser.infer(samples))
    seconds = time.process_time() - started
    predicted: list[np.ndarray] = []
    trust: list[np.ndarray] = []
    for condition in task.conditions:
        given = [under(s, condition, present[s.conversation_id]) for s in samples]
        judged = clean if condition == CLEAN else concatenated(recogniser.infer(given))
        predicted.append(judged.probabilities.argmax(axis=1))
        if judged.trust is not None:
            absent = ~np.concatenate([s.present for s in given])
            trust.append(np.ma.masked_array(judged.trust, absent).mean(axis=0).filled(np.nan))
    tensors = {
        "probabilities": clean.probabilities.astype(np.float32),
        "predicted": np.stack(predicted).astype(np.uint8 if len(corpus.label_set) < 256 else np.int32),
    }
    if trust:
        tensors["trust"] = np.stack(trust).astype(np.float32)
    if clean.uncertainty is not None:
        tensors["uncertainty"] = clean.uncertainty.astype(np.float32)
    cpu_seconds, peak = read_cost(folder / COST)
    facts = Facts(
        part=task.part,
        protocol=task.recipe.protocol,
        data=task.data,
        conditions=task.conditions,
        modalities=recogniser.modalities,
        selected=outcome.best_score,
        best_epoch=outcome.best_epoch,
        training_cpu_seconds=cpu_seconds,
        peak_memory_mib=peak,
        utterances_per_second=sum(len(s) for s in samples) / max(seconds, 1e-9),
        versions={**recogniser.record.versions, **source_commit()},
        machine=machine(),
        warnings=recogniser.record.warnings,
    )
    return tensor_bytes(tensors, {"facts": facts.model_dump_json()})
