"""Measuring by CPU time beside a matrix product of known size, and by memory in a process of its own.

Neighbours on a shared machine slow a program down, but they slow the matrix product (GEMM) too. So the two take turns, a fraction
of a second each, and what counts is their ratio: utterances per CPU second over GEMM GFLOP per CPU second, which is utterances per
GEMM-GFLOP.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

GEMM_SIZE = 1024
GEMM_GFLOP = 2 * GEMM_SIZE**3 / 1e9


class Turns:
    """CPU and wall time of a work that is done in pieces, with a few matrix products after each piece."""

    def __init__(self, products: int) -> None:
        self.products = products
        self.left, self.right = torch.rand(GEMM_SIZE, GEMM_SIZE), torch.rand(GEMM_SIZE, GEMM_SIZE)
        self.out = torch.empty(GEMM_SIZE, GEMM_SIZE)
        self.cpu = self.wall = self.gemm_cpu = self.gflop = 0.0
        self._multiply()
        self.resume()

    def resume(self) -> None:
        """The work goes on now."""
        self._cpu_from, self._wall_from = time.process_time(), time.perf_counter()

    def pause(self) -> None:
        """The work rests now; the matrix products have their turn."""
        self.cpu += time.process_time() - self._cpu_from
        self.wall += time.perf_counter() - self._wall_from
        start = time.process_time()
        self._multiply()
        self.gemm_cpu += time.process_time() - start
        self.gflop += self.products * GEMM_GFLOP

    def result(self, utterances: int) -> Round:
        """What was measured since the last result, and starts afresh."""
        gemm = self.gflop / self.gemm_cpu
        per_cpu_second = utterances / self.cpu
        measured = Round(per_cpu_second, utterances / self.wall, gemm, per_cpu_second / gemm)
        self.cpu = self.wall = self.gemm_cpu = self.gflop = 0.0
        return measured

    def _multiply(self) -> None:
        for _ in range(self.products):
            torch.mm(self.left, self.right, out=self.out)


@dataclass(frozen=True, slots=True)
class Round:
    """One round of measuring.

    Attributes:
        per_cpu_second: utterances per second of CPU time, all threads.
        per_second: utterances per second on the wall clock, which neighbours lengthen.
        gemm: GFLOP per second of CPU time in the matrix products between.
        per_gflop: utterances per GEMM-GFLOP.
    """

    per_cpu_second: float
    per_second: float
    gemm: float
    per_gflop: float


def summary(rounds: Sequence[Round]) -> dict[str, dict[str, float]]:
    """Median, least and greatest of each figure over the rounds."""
    figures = {
        "utterances_per_cpu_second": [r.per_cpu_second for r in rounds],
        "utterances_per_second": [r.per_second for r in rounds],
        "gemm_gflop_per_cpu_second": [r.gemm for r in rounds],
        "utterances_per_gemm_gflop": [r.per_gflop for r in rounds],
    }
    return {name: {"median": statistics.median(v), "least": min(v), "greatest": max(v)} for name, v in figures.items()}


def peak_memory() -> float:
    """GiB that this process has held at most. Unlike getrusage's figure it knows nothing of the process that started this one."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024**2
    raise OSError("/proc/self/status has no VmHWM line: peak memory can be measured on Linux only")


def child_cpu_seconds(command: Sequence[str], runs: int) -> list[float]:
    """CPU seconds, user and system, of each of several runs of a command.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    seconds: list[float] = []
    for _ in range(runs):
        before = os.times()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        after = os.times()
        seconds.append(after.children_user - before.children_user + after.children_system - before.children_system)
    return seconds
