"""One task of a study: one arm trained with one seed on one split, and judged. Its folder is the unit of progress.

run/                        the run, as `merc train` makes it, without the checkpoint once it is finished
cost.jsonl                  CPU time and peak memory of each session of its training
judged-PART.safetensors     what the model said of a part under every condition
failure.json                why the last attempt failed; gone once it succeeds
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from merc.config import Recipe
from merc.data.labels import apply_mapping, find_mapping
from merc.data.preprocessing import pick_features
from merc.data.schema import Corpus, Part
from merc.data.staged_file import write_atomically
from merc.errors import RunError
from merc.recogniser import Judged, load
from merc.run import Hooks, train
from merc.run_folder import CHECKPOINT, append_line, note_look
from merc.settings import Settings
from merc.studies.robustness import Condition, presence, under

RUN, COST, FAILURE = "run", "cost.jsonl", "failure.json"
FORMAT = 1


class Task(Settings):
    """One training to be done and judged.

    Attributes:
        arm: the arm's name.
        split: of the store.
        seed: of the training.
        folder: of the task, relative to the study's.
        recipe: complete, with split and seed.
        features: the study's features, modality -> name; the arm may take fewer.
        part: to be judged.
        conditions: to be judged under, clean first.
    """

    arm: str
    split: str
    seed: int
    folder: str
    recipe: Recipe
    features: dict[str, str]
    part: Part
    conditions: tuple[Condition, ...]


class Facts(Settings):
    """What is known of a judged task besides its predictions.

    Attributes:
        part: that was judged.
        conditions: in the order of the predictions.
        conversations: ids of the judged conversations, in order.
        modalities: that the model takes, in the order of trust.
        validation: scores of the chosen epoch on the part that chose it.
        best_epoch: that epoch.
        training_cpu_seconds: over all sessions of the training that ended in good order; None if none did.
        peak_memory_mib: highest resident memory of the process while it trained, interpreter and data included; None where the
            system does not tell.
        utterances_per_second: judged a CPU second, without corruption.
        versions: of the software that trained.
    """

    format: int = FORMAT
    part: Part
    conditions: tuple[Condition, ...]
    conversations: tuple[str, ...]
    modalities: tuple[str, ...]
    validation: dict[str, float]
    best_epoch: int
    training_cpu_seconds: float | None
    peak_memory_mib: float | None
    utterances_per_second: float
    versions: dict[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class JudgedTask:
    """A task's predictions, over N utterances of the part in the corpus's order.

    Attributes:
        facts: see there.
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


def run_task(task: Task, place: Path, corpus: Corpus, on_step: Callable[[int, int], None]) -> bool:
    """Trains what is not trained and judges what is not judged.

    Args:
        task: what to do.
        place: the study's folder.
        corpus: the store's.
        on_step: steps done, steps in all.

    Returns:
        Whether it is done; False if it was interrupted, and can go on.

    Raises:
        MercError: see `merc.run.train`.
    """
    folder = place / task.folder
    folder.mkdir(parents=True, exist_ok=True)
    run = folder / RUN
    if not is_trained(run):
        _forget_peak()
        started = time.process_time()
        outcome = train(task.recipe, run, resume=run.exists(), corpus=corpus, hooks=Hooks(on_step=on_step)).outcome
        cost = {"cpu_seconds": time.process_time() - started, "peak_memory_mib": _peak()}
        append_line(folder / COST, cost)
        if not outcome.finished:
            return False
    (run / CHECKPOINT).unlink(missing_ok=True)  # five times the model's size, and of no more use
    target = folder / judged_file(task.part)
    if not is_judged(target, task):
        write_atomically(target, _judge(task, run, folder, corpus))
    (folder / FAILURE).unlink(missing_ok=True)
    return True


def is_trained(run: Path) -> bool:
    """Whether a run is finished and its model is in its place."""
    try:
        return json.loads((run / "run.json").read_text(encoding="utf-8"))["status"] == "finished" and (run / "model").is_dir()
    except (OSError, ValueError, KeyError):
        return False


def is_done(task: Task, place: Path) -> bool:
    """Whether a task has been trained and judged under these very conditions."""
    folder = place / task.folder
    return is_trained(folder / RUN) and is_judged(folder / judged_file(task.part), task)


def is_judged(path: Path, task: Task) -> bool:
    """Whether a file holds the judgement that a task asks for."""
    try:
        facts = _facts_of(path)
    except RunError:
        return False
    return facts.conditions == task.conditions and facts.part == task.part


def judged_file(part: Part) -> str:
    """The name of the file that holds the judgement of a part."""
    return f"judged-{part}.safetensors"


def read_judged(path: Path) -> JudgedTask:
    """Reads what `run_task` wrote.

    Raises:
        RunError: missing or damaged.
    """
    facts = _facts_of(path)
    try:
        with safe_open(path, framework="np") as file:
            tensors = {name: cast(np.ndarray, file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise RunError(f"{path}: damaged judgement ({error})") from None
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
    except (OSError, ValueError, KeyError, TypeError):
        return "failed; its record can't be read"


def _facts_of(path: Path) -> Facts:
    try:
        with safe_open(path, framework="np") as file:
            metadata = cast("dict[str, str]", file.metadata() or {})
        facts = Facts.model_validate_json(metadata["facts"])
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise RunError(f"{path}: no judgement, or a damaged one ({str(error).splitlines()[0]})") from None
    if facts.format != FORMAT:
        raise RunError(f"{path}: judgement format {facts.format}, this version reads {FORMAT}")
    return facts


def _judge(task: Task, run: Path, folder: Path, corpus: Corpus) -> bytes:
    """The judgement file's bytes. The look at the part is noted in the run's log first."""
    recogniser = load(run)
    if task.recipe.data.labels is not None:
        corpus = apply_mapping(corpus, find_mapping(task.recipe.data.labels))
    conversations = corpus.part(task.split, task.part)
    specs = pick_features(corpus, task.features)
    present = {c.id: presence(c, specs) for c in conversations}
    samples = [recogniser.preprocessor.sample(c) for c in conversations]
    note_look(run, part=task.part, split=task.split, corpus=corpus.name, by="study")
    started = time.process_time()
    clean = recogniser.judge(samples)
    seconds = time.process_time() - started
    predicted, trust = [_labels(clean)], [_mean_trust(clean, samples_present=[s.present for s in samples])]
    for condition in task.conditions[1:]:
        spoilt = [under(s, condition, present[s.conversation_id]) for s in samples]
        judged = recogniser.judge(spoilt)
        predicted.append(_labels(judged))
        trust.append(_mean_trust(judged, samples_present=[s.present for s in spoilt]))
    tensors = {
        "probabilities": np.concatenate([j.probabilities for j in clean]).astype(np.float32),
        "predicted": np.stack(predicted).astype(np.uint8 if len(corpus.label_set) < 256 else np.int32),
    }
    if clean[0].trust is not None:
        tensors["trust"] = np.stack([t for t in trust if t is not None]).astype(np.float32)
    if clean[0].uncertainty is not None:
        tensors["uncertainty"] = np.concatenate([j.uncertainty for j in clean if j.uncertainty is not None]).astype(np.float32)
    facts = Facts(
        part=task.part,
        conditions=task.conditions,
        conversations=tuple(c.id for c in conversations),
        modalities=recogniser.modalities,
        validation=dict(recogniser.record.scores),
        best_epoch=_best_epoch(run),
        utterances_per_second=sum(len(s) for s in samples) / max(seconds, 1e-9),
        versions=dict(recogniser.record.versions),
        **_cost(folder),
    )
    return save(tensors, metadata={"facts": facts.model_dump_json()})


def _labels(judged: Sequence[Judged]) -> np.ndarray:
    return np.concatenate([j.probabilities.argmax(axis=1) for j in judged])


def _mean_trust(judged: Sequence[Judged], samples_present: Sequence[np.ndarray]) -> np.ndarray | None:
    if judged[0].trust is None:
        return None
    trust = np.concatenate([j.trust for j in judged if j.trust is not None])
    present = np.concatenate(samples_present)
    counts = present.sum(axis=0)
    return np.where(counts > 0, (trust * present).sum(axis=0) / np.maximum(counts, 1), np.nan)


def _best_epoch(run: Path) -> int:
    return int(json.loads((run / "run.json").read_text(encoding="utf-8"))["outcome"]["best_epoch"])


def _cost(folder: Path) -> dict[str, Any]:
    kept = (folder / COST).read_text(encoding="utf-8").splitlines() if (folder / COST).is_file() else []
    lines = [json.loads(line) for line in kept]
    peaks = [line["peak_memory_mib"] for line in lines if line["peak_memory_mib"] is not None]
    seconds = sum(line["cpu_seconds"] for line in lines) if lines else None
    return {"training_cpu_seconds": seconds, "peak_memory_mib": max(peaks, default=None)}


def _forget_peak() -> None:
    """Starts the process's peak of resident memory anew, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> float | None:
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else None
