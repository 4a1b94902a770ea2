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


def chirps(seed: int) -> np.ndarray:
    """Something like talk: buzzes of random pitch, length and level, noises and pauses."""
    generator = np.random.default_rng(seed)
    parts = [silence(0.1)]
    for _ in range(12):
        seconds = generator.uniform(0.03, 0.4)
        voice = buzz(generator.uniform(80, 400), seconds, generator.uniform(0.01, 0.3))
        fall = np.linspace(1, generator.uniform(0.05, 1), len(voice), dtype=np.float32)
        parts += [voice * fall, noise(generator.uniform(0.02, 0.2), generator.uniform(1e-4, 0.05), seed=seed)]
        if generator.random() < 0.3:
            parts.append(silence(generator.uniform(0.1, 0.8)))
    clip = np.concatenate(parts)
    return clip + noise(len(clip) / RATE, 3e-4, seed=seed + 1)


def bumps(depths: list[float], each: float = 0.25) -> np.ndarray:
    """Voiced bumps, equally loud, with dips of so many dB between them; and a quarter of a second of silence around them."""
    half = round(each * RATE / 2)
    phases = np.pi * np.arange(2 * half) / (2 * half)
    levels = -np.concatenate([depth * np.sin(phases) ** 2 for depth in (20, *depths, 20)])[half:-half]
    return np.concatenate((silence(0.25), buzz(120, len(levels) / RATE) * 10 ** (levels / 20), silence(0.25))).astype(np.float32)


def pulses(seed: int) -> np.ndarray:
    """Single samples at irregular distances and of random height."""
    generator = np.random.default_rng(seed)
    places = np.cumsum(generator.integers(40, 250, 100))
    train = np.zeros(places[-1] + 1, dtype=np.float32)
    train[places] = generator.uniform(0.1, 0.9, len(places))
    return train


def espeak(text: str, voice: str = "en", speed: int = 160) -> np.ndarray:
    """Speech, as loud as espeak-ng makes it."""
    command = ["espeak-ng", "--stdout", "-v", voice, "-s", str(speed), text]
    wav = subprocess.run(command, capture_output=True, check=True).stdout
    samples = np.frombuffer(wav[44:], dtype="<i2") / 2**15
    return resample_poly(samples, RATE, ESPEAK_RATE).astype(np.float32)
