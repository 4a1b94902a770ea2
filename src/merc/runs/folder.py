"""The files of a run's folder (docs/evaluation.md), each written so that a killed process leaves the old or the new one."""

from __future__ import annotations

import json
import math
import os
import platform
import shutil
import subprocess
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

import torch
from safetensors import SafetensorError

from merc.errors import RunError
from merc.files.lock import locked_folder
from merc.files.staged_file import is_temporary, temporary_name, write_atomically
from merc.inference.recogniser import Recogniser
from merc.training.loop import Outcome

RECIPE, STATUS, METRICS = "recipe.yaml", "run.json", "metrics.jsonl"
CHECKPOINT, MODEL, LOG = "checkpoint.safetensors", "model", "log.jsonl"
ADAPTATION = "adaptation.json"  # in the folder of an adapted model


def is_begun(folder: Path) -> bool:
    """Whether a folder holds more than what a process that was killed at its very first write leaves lying."""
    return any(not is_temporary(path.name) for path in folder.iterdir())


def check_place(folder: Path, resume: bool, *, resumable: bool = True) -> None:
    """Refuses a folder that a run can't start in, or go on in.

    Args:
        folder, resume: the run's, and whether it goes on.
        resumable: whether a run of this kind can go on; only then is that offered.

    Raises:
        RunError: the folder is in use, or there is nothing to resume.
    """
    if not resume and folder.exists() and (not folder.is_dir() or is_begun(folder)):
        offer = ", or go on with it by --resume" if resumable else ""
        raise RunError(f"{folder}: already exists; give another --out{offer}")
    if resume and folder.exists() and not (folder / RECIPE).is_file() and (not folder.is_dir() or is_begun(folder)):
        raise RunError(f"{folder}: nothing to resume: it holds no {RECIPE}")


def sweep(folder: Path) -> None:
    """Removes what a process that was killed had not yet put in its place."""
    for path in folder.iterdir():
        if is_temporary(path.name, MODEL):
            shutil.rmtree(path, ignore_errors=True)
        elif is_temporary(path.name):
            path.unlink(missing_ok=True)


def save_model(recogniser: Recogniser, folder: Path, beside: Mapping[str, bytes] | None = None, *, graph: bool = True) -> None:
    """Saves the model, whole or not at all, in place of an earlier one.

    Args:
        recogniser, folder: the model, and the run's folder.
        beside: name -> content of more files in the model's folder.
        graph: with the network's graph, see `merc.inference.recogniser.Recogniser.save_pretrained`.
    """
    staged = folder / temporary_name(MODEL)
    try:
        recogniser.save_pretrained(staged, graph=graph)
        for name, content in (beside or {}).items():
            (staged / name).write_bytes(content)
        replace_folder(staged, folder / MODEL, MODEL)
    finally:
        shutil.rmtree(staged, ignore_errors=True)


def replace_folder(staged: Path, place: Path, stem: str) -> None:
    """Renames a folder to its place; an earlier one stays whole until then, and comes back if that fails.

    Args:
        staged: the folder.
        place: in the same folder.
        stem: of the earlier one's temporary name.
    """
    earlier = place.with_name(temporary_name(stem))
    if place.exists():
        place.replace(earlier)
    try:
        staged.replace(place)
    except OSError:
        if earlier.exists():
            earlier.replace(place)
        raise
    shutil.rmtree(earlier, ignore_errors=True)


def append_line(path: Path, line: Mapping[str, object]) -> None:
    """Adds a whole line or nothing."""
    size = path.stat().st_size if path.exists() else 0
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
    except OSError as error:
        if path.exists():
            os.truncate(path, size)
        raise RunError(f"{path} can't be written: {error.strerror or error}") from error


@contextmanager
def writing(folder: Path) -> Generator[None, None, None]:
    """Makes the folder where it is missing, and keeps other trainings out of it.

    Removes a run that failed before its first checkpoint, and reports a full disk in one line.

    Raises:
        RunError: another process is training into the folder, or it can't be written.
    """
    made: list[Path] = []
    try:
        made = [place for place in (folder, *folder.absolute().parents) if not place.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        with locked_folder(folder, wait=False) as held:
            if not held:
                made = []  # they are the other's now
                raise RunError(f"{folder}: another process is training into it; wait for its end, or give another --out")
            fresh = not is_begun(folder)
            try:
                yield
            except Exception:
                if fresh and not (folder / CHECKPOINT).is_file():
                    _empty(folder)
                raise
    except BaseException as error:  # an interrupt, too, leaves no empty folder
        for place in made:
            with suppress(OSError):  # rmdir takes empty folders only
                place.rmdir()
        if not isinstance(error, (OSError, SafetensorError)):
            raise
        reason = (error.strerror or str(error)) if isinstance(error, OSError) else str(error).splitlines()[0]
        kept = (folder / CHECKPOINT).is_file()
        after = "the run can go on from its last checkpoint, with --resume" if kept else "nothing was left behind"
        raise RunError(f"{folder} can't be written: {reason}; {after}") from error


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def log_evaluation(folder: Path, *, part: str, split: str, corpus: str, **more: object) -> None:
    """Adds a line to the run's log: what was judged and when, so that every evaluation on the test part is on record."""
    time = datetime.now(UTC).isoformat(timespec="seconds")
    append_line(folder / LOG, {"time": time, "judged": part, "split": split, "corpus": corpus, **more})


def drop_lines_after(path: Path, epochs: int) -> None:
    """A killed run may have written an epoch's line but not its checkpoint, or half a line."""
    if not path.exists():
        return
    kept: list[str] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            record = cast("dict[str, int]", json.loads(line))
        except json.JSONDecodeError:
            continue
        if record["epoch"] <= epochs:
            kept.append(line + "\n")
    write_atomically(path, "".join(kept).encode())


def write_status(folder: Path, status: str, outcome: Outcome | None) -> None:
    """`run.json`: running, interrupted or finished, with what came of it, the versions and the machine."""
    content = {
        "status": status,
        "outcome": None if outcome is None else _plain(asdict(outcome)),
        "versions": software_versions(),
        "machine": {"system": platform.platform(), "threads": torch.get_num_threads()},
    }
    write_atomically(folder / STATUS, (json.dumps(content, indent=1, allow_nan=False) + "\n").encode())


def read_outcome(folder: Path) -> Outcome | None:
    """How a finished run ended; None if it is not finished, or its model is not in its place."""
    try:
        status = json.loads((folder / STATUS).read_text(encoding="utf-8"))
        return Outcome(**status["outcome"]) if status["status"] == "finished" and (folder / MODEL).is_dir() else None
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def software_versions() -> dict[str, str]:
    """Versions of what decides a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in ("merc", "torch", "numpy")}}


def source_commit() -> dict[str, str]:
    """The commit of the source that runs, if it runs from a checkout; a `+` behind it marks changes."""
    asked = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    try:
        return {"commit": subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True).stdout.strip()}
    except (OSError, subprocess.SubprocessError):
        return {}


def _plain(values: Mapping[str, object]) -> dict[str, object]:
    """With None for the infinite score of a run that no epoch has judged yet: JSON has no infinity."""
    return {name: None if isinstance(v, float) and not math.isfinite(v) else v for name, v in values.items()}
