"""Which transcripts of a folder belong to which of its recordings, by their names.

Tools call a transcript after the recording (`talk.srt` of `talk.mp4`), after its whole name (`call.wav.json`: whisper.cpp), with a
language (`talk.en.vtt`: yt-dlp), or say what it is (`talk.transcript.vtt`, `talk_transcript.txt`: Zoom and others). Zoom calls its
recordings after the size of their picture, too. What fits several recordings belongs to those whose name it fits best.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path, PurePath

from merc.annotation.media.recording import KINDS
from merc.annotation.transcripts.formats import SUFFIXES

OWN = ".emotions"  # before the suffix of what annotation writes; never read as a transcript
RECORDINGS = frozenset(f".{kind}" for kind in KINDS)

_LANGUAGE = re.compile(r"\.[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}$")
_ENGLISH = re.compile(r"\.en(?:[-_]|\.|$)", re.IGNORECASE)
_MARK = re.compile(r"[._ -]+(?:transcript(?:ion)?|captions?|subtitles?|subs?|cc)$", re.IGNORECASE)
_PICTURE = re.compile(r"(?:_(?:gallery|gvo|as|avo))*_\d{3,4}x\d{3,4}$")
_MOST_STRIPPED = 3  # endings of a name, such as `.transcript.en`


def transcripts_beside(recording: Path) -> list[Path]:
    """The transcripts of a recording in its folder, in the order of `transcripts_of`."""
    return [recording.with_name(name) for name in transcripts_of(_beginning_alike(recording)).get(recording.name, ())]


def transcripts_of(names: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Name of each recording of one folder -> the names of the transcripts that belong to it.

    The one to be taken stands first: the name that fits best, then English before other languages, then the order of `SUFFIXES`.

    Args:
        names: of the folder's files, and of no other's.
    """
    names = list(names)
    by_base = _by_base(names)
    ranked: dict[str, list[tuple[int, bool, int, str]]] = {name: [] for name in names if _is_recording(name)}
    for name in names:
        path = PurePath(name)
        if path.suffix.lower() not in SUFFIXES or path.stem.endswith(OWN):
            continue
        kind = SUFFIXES.index(path.suffix.lower())
        for depth, rank, recording in _fitting(name, by_base):
            ranked[recording].append((10 * depth + rank, not _ENGLISH.search(path.stem), kind, name))
    return {recording: tuple(dict.fromkeys(name for *_, name in sorted(found))) for recording, found in ranked.items()}


def recordings_of(names: Iterable[str], transcripts: Iterable[str]) -> Mapping[str, tuple[str, ...]]:
    """Name of each transcript -> the names of the recordings that it belongs to, by the rules of `transcripts_of`.

    The name that fits best stands first, then the order of `KINDS`. Of what annotation wrote, `talk.emotions.eaf`, the
    recordings are those of `talk.eaf`.

    Args:
        names: of one folder's files.
        transcripts: of files of that folder.
    """
    by_base = _by_base(names)
    found: dict[str, tuple[str, ...]] = {}
    for name in transcripts:
        path = PurePath(name)
        fits = _fitting(path.stem.removesuffix(OWN) + path.suffix, by_base)
        fits.sort(key=lambda fit: (fit[1], KINDS.index(_kind(fit[2])), fit[2]))
        found[name] = tuple(dict.fromkeys(recording for *_, recording in fits))
    return found


def _is_recording(name: str) -> bool:
    return PurePath(name).suffix.lower() in RECORDINGS


def _kind(name: str) -> str:
    return PurePath(name).suffix.lower().removeprefix(".")


def _by_base(names: Iterable[str]) -> dict[str, list[tuple[int, str]]]:
    """What a recording's transcripts may be called after -> how far that is from its own name, and its name."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in filter(_is_recording, names):
        path = PurePath(name)
        for rank, base in enumerate(dict.fromkeys((path.stem, path.name, _PICTURE.sub("", path.stem)))):
            found.setdefault(base, []).append((rank, name))
    return found


def _fitting(transcript: str, by_base: Mapping[str, Sequence[tuple[int, str]]]) -> list[tuple[int, int, str]]:
    """The recordings that a transcript's name fits best: how much of it was stripped, how far the recording's is, and its name."""
    fits = [(depth, rank, name) for depth, base in enumerate(_bases(transcript)) for rank, name in by_base.get(base, ())]
    best = min((depth for depth, _, _ in fits), default=0)
    return [fit for fit in fits if fit[0] == best]


def _bases(transcript: str) -> list[str]:
    """What the recording may be called without its suffix, or with it, the likeliest first."""
    bases = [PurePath(transcript).stem]
    for _ in range(_MOST_STRIPPED):
        shorter = _MARK.sub("", bases[-1])
        if shorter == bases[-1]:
            shorter = _LANGUAGE.sub("", shorter)
        if shorter in ("", bases[-1]):
            break
        bases.append(shorter)
    return bases


def _beginning_alike(recording: Path) -> list[str]:
    """Names of the folder's files that may have to do with a recording: itself, its transcripts, and those that these might fit."""
    beginning = _PICTURE.sub("", recording.stem)
    names = {recording.name}
    with suppress(OSError), os.scandir(recording.parent) as entries:
        names |= {entry.name for entry in entries if entry.name.startswith(beginning) and entry.is_file()}
    return sorted(names)
