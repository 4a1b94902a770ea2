"""What is to be annotated: a recording, a transcript, or both; in files, open files or arrays."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import cast

from merc.annotation.media.pairing import transcripts_beside
from merc.annotation.media.recording import MediaSource, Sound
from merc.annotation.open_file import OpenFile, found_at, opened_file
from merc.annotation.transcripts.annotation_files.linked import linked_recording
from merc.annotation.transcripts.formats import SUFFIXES
from merc.annotation.transcripts.transcript import Transcript
from merc.data.schema import Conversation, Utterance
from merc.data.unicode import check_text
from merc.errors import DataError
from merc.files.arguments import checked, path_from, shown
from merc.files.printable import printable

TranscriptSource = str | Path | OpenFile | Transcript | Conversation | Sequence[Utterance]
Source = TranscriptSource | Sound

_SOURCES = "a path, a file opened as bytes, merc.Sound, merc.Transcript, merc.Conversation or a list of merc.Utterance"
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]+:/")  # a path keeps one slash of two


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What is to be annotated.

    Attributes:
        name: for people, and what files are called after.
        medium: the recording, or None.
        transcript: where to read it, itself if it is in memory, or None where words are to be recognised.
        transcript_name: for people, or None.
        warnings: what a user should know of the choice.
    """

    name: str
    medium: MediaSource | None
    transcript: Path | OpenFile | Transcript | None
    transcript_name: str | None
    warnings: tuple[str, ...] = ()


def given(
    source: Source,
    transcript: TranscriptSource | None = None,
    name: str | None = None,
    transcript_name: str | None = None,
) -> Given:
    """Tells a recording from a transcript, and finds the transcript beside a recording, or the recording that a transcript names.

    The arguments are those of `merc.annotation.annotator.annotate`.

    Raises:
        DataError: nothing is there, a URL, two transcripts, or a transcript that needs a name and has none.
    """
    for what, text in (("name", name), ("transcript_name", transcript_name)):
        checked(text, (str, type(None)), what, "a str or None")
    medium, named = _located(source, "what is to be annotated"), _name(source, name)
    if not isinstance(medium, Sound) and (isinstance(medium, Transcript) or PurePath(named).suffix.lower() in SUFFIXES):
        if transcript is not None:
            raise DataError(f"{printable(named)} is a transcript, and a second one was given; allowed is one, with a recording")
        recording, warnings = linked_recording(medium) if isinstance(medium, Path) else (None, ())
        return Given(named if recording is None else recording.name, recording, medium, named, warnings)
    if transcript is not None:
        located = _located(transcript, "the transcript")
        if isinstance(located, Sound):
            raise DataError("the transcript: expected words, found sound, which is what is to be annotated")
        return Given(named, medium, located, _name(transcript, transcript_name))
    beside = transcripts_beside(medium) if isinstance(medium, Path) else []
    if not beside:
        return Given(named, medium, None, None)
    others = ", ".join(printable(path.name) for path in beside[1:])
    warning = f"the transcript is {printable(beside[0].name)}, found beside the recording" + (
        f"; not taken: {others}" if others else ""
    )
    return Given(named, medium, beside[0], beside[0].name, (warning,))


def content_digest(given: Given, speakers: str | Path | None = None) -> str:
    """SHA-256 in hex of recording and transcript, and of the RTTM file that says who speaks when, if there is one.

    Raises:
        DataError: a path can't be read.
    """
    of_speakers = b"" if speakers is None else _digest_of(Path(speakers))
    return hashlib.sha256(_digest_of(given.medium) + _digest_of(given.transcript) + of_speakers).hexdigest()


def _located(given: object, what: str) -> Path | OpenFile | Sound | Transcript:
    if isinstance(given, bytes) or not isinstance(given, (str, Path, Sound, Transcript, Conversation, Sequence, OpenFile)):
        raise DataError(f"{what}: expected {_SOURCES}, found {shown(given)}")
    source = cast(Source, given)
    if isinstance(source, str | Path):
        path_from(source, what, "a file (words are given as merc.Utterance)")
    if isinstance(source, Conversation):
        source = Transcript(source.utterances, conversation=source.id)
    if isinstance(source, str | Path) and _URL.match(str(source)) and not Path(source).exists():
        raise DataError(f"{printable(str(source))}: only local files are read; download it first")
    if isinstance(source, str):
        source = Path(source)
    if isinstance(source, Path) and not source.is_file():
        raise DataError(f"{printable(str(source))}: expected a file, found {found_at(source)}")
    if isinstance(source, Sequence):
        source = Transcript(tuple(source))
    if isinstance(source, Transcript):
        check_text(source.utterances, what)
    return source


def _name(source: Source, name: str | None) -> str:
    if name:
        return PurePath(name).name
    own = str(source) if isinstance(source, str | Path) else getattr(source, "name", None)
    if isinstance(own, str) and own:
        return PurePath(own).name
    return "transcript" if isinstance(source, Transcript | Conversation | Sequence) else "recording"


def _digest_of(part: Path | OpenFile | Sound | Transcript | None) -> bytes:
    digest = hashlib.sha256()
    if isinstance(part, Sound):
        digest.update(f"{part.rate} {part.samples.shape} {part.samples.dtype}".encode())
        digest.update(part.samples.tobytes())
    elif isinstance(part, Transcript):
        digest.update(repr(part.utterances).encode("utf-8", "surrogatepass"))
    elif isinstance(part, Path):
        try:
            with part.open("rb") as file:
                return hashlib.file_digest(file, "sha256").digest()
        except OSError as error:
            raise DataError(f"{printable(str(part))} can't be read: {error.strerror or error}") from error
    elif part is not None:
        with suppress(DataError, OSError, ValueError), opened_file(part, "", ""):  # its reader says what is wrong with it
            while chunk := part.read(2**20):
                digest.update(chunk)
    return digest.digest()
