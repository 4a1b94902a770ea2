"""Sounds of known properties for tests: tones, buzzes, noise, trains of syllables, and espeak-ng's speech. All at 16 kHz."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
from scipy.signal import resample_poly

RATE = 16_000  # Hz
ESPEAK_RATE = 22_050  # Hz

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def times(seconds: float) -> np.ndarray:
    return np.arange(round(seconds * RATE)) / RATE


def tone(frequency: float, seconds: float = 1.0, amplitude: float = 0.1) -> np.ndarray:
    return (amplitude * np.sin(2 * np.pi * frequency * times(seconds))).astype(np.float32)


def buzz(frequency: float, seconds: float = 1.0, amplitude: float = 0.1) -> np.ndarray:
    """A pulse train without alias: all harmonics under 4 kHz, equally loud."""
    harmonics = np.arange(1, int(4000 / frequency) + 1)[:, None]
    wave = np.cos(2 * np.pi * frequency * harmonics * times(seconds)).sum(axis=0)
    return (amplitude * wave / np.abs(wave).max()).astype(np.float32)


def noise(seconds: float = 1.0, deviation: float = 0.1, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, deviation, round(seconds * RATE)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    """As a quiet room: noise 100 dB under full scale."""
    return noise(seconds, 1e-5, seed=1)


def syllables(count: int, each: float = 0.2, frequency: float = 120.0) -> np.ndarray:
    """`count` voiced bumps one after the other, 20 dB deep between them, and a quarter of a second of silence around them."""
    bumps = 10 ** (np.sin(np.pi * times(count * each) / each) ** 2 - 1)
    return np.concatenate((silence(0.25), buzz(frequency, count * each) * bumps, silence(0.25))).astype(np.float32)


def espeak(text: str, voice: str = "en", speed: int = 160) -> np.ndarray:
    """Speech, as loud as espeak-ng makes it."""
    command = ["espeak-ng", "--stdout", "-v", voice, "-s", str(speed), text]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples = np.frombuffer(wav[44:], dtype="<i2") / 2**15
    return resample_poly(samples, RATE, ESPEAK_RATE).astype(np.float32)
