"""What a training costs: CPU time and memory of each of its sessions, and the machine that explains them."""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from merc.runs.folder import append_line
from merc.settings import Amount
from merc.training.loop import STAGE


@dataclass(slots=True)
class Meter:
    """Measures one session of a training from its making on. `progress` must be told of every step.

    Attributes:
        first, last, total: steps that the session began and ended with, and of the whole training.
    """

    first: int | None = None
    last: int = 0
    total: int = 0
    started: float = field(default_factory=time.process_time)
    resident: float | None = field(default_factory=lambda: highest_resident(anew=True))

    def progress(self, stage: str, done: Amount, total: Amount | None) -> None:
        """Counts a step of the training."""
        if stage == STAGE:
            self.first = int(done) - 1 if self.first is None else self.first
            self.last, self.total = int(done), int(total or 0)

    def write(self, path: Path) -> None:
        """Adds the session's line, if it did a step."""
        if self.first is None:
            return
        peak = highest_resident(anew=False)
        memory = None if self.resident is None or peak is None else peak - self.resident
        seconds = time.process_time() - self.started
        line = {"from": self.first, "to": self.last, "of": self.total, "cpu_seconds": seconds, "peak_memory_mib": memory}
        append_line(path, line)


def read_cost(path: Path) -> tuple[float | None, float | None]:
    """CPU seconds and peak memory in MiB of a training, over all its sessions.

    None where the sessions that are on record do not cover every step: a session that was killed wrote nothing.
    """
    lines: list[dict[str, Any]] = []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        with suppress(ValueError):  # half a line, after a power cut
            lines.append(json.loads(text))
    steps = {step for line in lines for step in range(line["from"], line["to"])}
    if not lines or len(steps) < lines[-1]["to"]:
        return None, None
    peaks = [line["peak_memory_mib"] for line in lines if line["peak_memory_mib"] is not None]
    return sum(line["cpu_seconds"] for line in lines), max(peaks, default=None)


def highest_resident(*, anew: bool) -> float | None:
    """Highest resident memory of this process in MiB; `anew` starts its count at what is resident now. None off Linux."""
    if anew:
        gc.collect()
        with suppress(OSError, AttributeError, TypeError):
            ctypes.CDLL(None).malloc_trim(0)  # what earlier trainings left unused goes back to the system
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(found[0]) / 1024 if found else None


def machine() -> dict[str, str]:
    """What explains seconds: the system, the processor, its cores and torch's threads."""
    name = platform.processor()
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), name)
    system = f"{platform.system()} {platform.machine()}"
    return {
        "system": system,
        "processor": name or "unknown",
        "cores": str(os.cpu_count()),
        "threads": str(torch.get_num_threads()),
    }
