"""Small recordings for tests, made on the spot: noise whose every stretch can be told from every other, in any container."""

from __future__ import annotations

import io
import struct
import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from merc.encoders.interface import RATE

CODECS = {
    "wav": "pcm_s16le",
    "w64": "pcm_s16le",
    "aiff": "pcm_s16be",
    "au": "pcm_s16be",
    "caf": "pcm_s16le",
    "flac": "flac",
    "mp3": "libmp3lame",
    "mp4": "aac",
    "mov": "pcm_s16le",
    "ipod": "alac",
    "3gp": "aac",
    "matroska": "aac",
    "webm": "libopus",
    "ogg": "libopus",
    "adts": "aac",
    "avi": "libmp3lame",
    "flv": "aac",
    "mpegts": "mp2",
    "mpeg": "mp2",
    "asf": "wmav2",
    "amr": "libopencore_amrnb",
}


def noise(seconds: float, rate: int = 16_000, channels: int = 1, seed: int = 0) -> np.ndarray:
    """(N, channels), float32 under 1, below 3 kHz, so that any codec at any rate keeps it; loud and soft in turns, so that
    every stretch has an envelope of its own."""
    count = round(seconds * rate)
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal((count, channels)), axis=0)
    spectrum[np.fft.rfftfreq(count, 1 / rate) > 3000] = 0
    sound = np.fft.irfft(spectrum, count, axis=0)
    loudness = np.random.default_rng(seed + 1).uniform(0.1, 1.0, size=(count // (rate // 10) + 1, 1)).repeat(rate // 10, axis=0)
    return (0.8 * sound / np.abs(sound).max() * loudness[:count]).astype(np.float32)


def lag(late: np.ndarray, early: np.ndarray) -> float:
    """Seconds at 16 kHz by which the one sound is behind the other, where they are most alike."""
    count = len(late)
    likeness = np.fft.irfft(np.fft.rfft(late, 2 * count) * np.fft.rfft(early, 2 * count).conj())
    best = int(np.argmax(likeness))
    return (best if best < count else best - 2 * count) / RATE


def wav(samples: np.ndarray, rate: int, kind: str = "WAV", subtype: str = "FLOAT") -> bytes:
    """The samples as a wav or flac file, written by libsndfile."""
    soundfile = pytest.importorskip("soundfile")
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=kind, subtype=subtype)
    return file.getvalue()


def encoded(
    samples: np.ndarray | None,
    rate: int,
    container: str,
    *,
    codec: str | None = None,
    layout: str = "mono",
    picture: bool = False,
    at: tuple[float, ...] = (0.0,),
    options: dict[str, str] | None = None,
) -> bytes:
    """A recording.

    Args:
        samples: (N, channels), or None for none at all.
        rate: Hz.
        container: FFmpeg's name.
        codec: FFmpeg's name; by default one that is usual in the container.
        layout: FFmpeg's name of the channels.
        picture: whether 4 s of black pictures go with it.
        at: seconds where each of as many equal parts of the samples begins.
        options: to the container.
    """
    av = pytest.importorskip("av")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        with av.open(str(path), "w", format=container, options=options or {}) as output:
            track = None if samples is None else output.add_stream(codec or CODECS[container], rate=rate, layout=layout)
            film = output.add_stream("libvpx" if container == "webm" else "mpeg4", rate=10) if picture else None
            if track is not None:
                track.bit_rate = 64_000 * samples.shape[1]
            if film is not None:
                film.width = film.height = 32
                film.pix_fmt = "yuv420p"
                for number in range(40):
                    frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8), "rgb24")
                    frame.pts = number
                    output.mux(film.encode(frame))
                output.mux(film.encode(None))
            if track is not None:
                packed = av.AudioResampler(track.format, layout, rate)
                for time, part in zip(at, np.array_split(samples, len(at)), strict=True):
                    for first in range(0, len(part), 960):  # 20 ms and less: codecs that take any length write them as they come
                        frame = av.AudioFrame.from_ndarray(part[first : first + 960].reshape(1, -1).copy(), "flt", layout)
                        frame.rate, frame.pts = rate, round(time * rate) + first
                        for converted in packed.resample(frame):
                            output.mux(track.encode(converted))
                output.mux(track.encode(None))
        return path.read_bytes()


def film(path: Path, container: str, origin: float, late: float = 0.0, seconds: int = 6) -> None:
    """Writes a film that browsers play, whose time stamps begin at `origin` seconds; its sound begins `late` seconds later."""
    av = pytest.importorskip("av")
    video, audio = {"mp4": ("libx264", "aac"), "webm": ("libvpx", "libopus")}[container]
    with av.open(str(path), "w", format=container, options={"avoid_negative_ts": "disabled"}) as output:
        heard, seen = output.add_stream(audio, rate=48_000, layout="mono"), output.add_stream(video, rate=10)
        seen.width = seen.height = 32
        seen.pix_fmt = "yuv420p"
        packets = []
        for number in range(10 * seconds):
            picture = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 4 * number % 255, np.uint8), "rgb24")
            picture.pts, picture.time_base = number + round(10 * origin), Fraction(1, 10)
            packets += seen.encode(picture)
        packets += seen.encode(None)
        samples = noise(seconds - late, 48_000)
        form = av.AudioResampler(heard.format, "mono", 48_000)
        for first in range(0, len(samples), 960):
            frame = av.AudioFrame.from_ndarray(samples[first : first + 960].reshape(1, -1).copy(), "flt", "mono")
            frame.rate, frame.pts, frame.time_base = 48_000, round((origin + late) * 48_000) + first, Fraction(1, 48_000)
            for converted in form.resample(frame):
                packets += heard.encode(converted)
        packets += heard.encode(None)
        for packet in sorted(packets, key=lambda packet: packet.dts * packet.time_base):
            output.mux(packet)


def tagged(mp3: bytes) -> bytes:
    """The mp3 with a tag before it that says it is UTF-8 but is not, and with a picture on its cover."""
    av = pytest.importorskip("av")
    painter = av.CodecContext.create("png", "w")
    painter.width = painter.height = 16
    painter.pix_fmt, painter.time_base = "rgb24", Fraction(1)
    picture = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), "rgb24")
    png = b"".join(bytes(packet) for packet in [*painter.encode(picture), *painter.encode(None)])
    fields = {b"APIC": b"\0image/png\0\3\0" + png, b"TIT2": b"\3caf\xe9 \xff"}
    body = b"".join(name + len(value).to_bytes(4, "big") + b"\0\0" + value for name, value in fields.items())
    length = bytes(len(body) >> shift & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\0\0" + length + body + mp3


def naming_another_file(movie: bytes, other: bytes) -> bytes:
    """A QuickTime movie, its table behind its sound, with the track's sound said to lie in the file of that path."""
    path = struct.pack(">HH", 2, len(other)) + other + b"\0" * (len(other) % 2)
    alias = b"alis" + bytes(4) + bytes(10) + b"\0" * 28 + bytes(12) + b"\0" * 64 + bytes(16) + struct.pack(">HH", 1, 1) + bytes(16)
    alias += path + struct.pack(">HH", 0xFFFF, 0) + bytes(60)
    entry = struct.pack(">I", 4 + len(alias)) + alias
    at = movie.rindex(b"dref") + 12  # behind type, version and flags, and count
    old = struct.unpack(">I", movie[at : at + 4])[0]
    changed = bytearray(movie[:at] + entry + movie[at + old :])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):  # each holds the next
        place = changed.rindex(box, 0, at) - 4
        size = struct.unpack(">I", changed[place : place + 4])[0]
        changed[place : place + 4] = struct.pack(">I", size + len(entry) - old)
    return bytes(changed)
