"""The recording that an annotation file names, where it lies beside that file or below its folder.

A file can name any place of a disk; one that comes from elsewhere must not make us read there. So folders above are not looked
into, and what has no suffix of a recording is not opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path, PurePosixPath

from merc.annotation.media.recording import KINDS
from merc.annotation.transcripts.cues import LinkedMedium
from merc.errors import DataError
from merc.files.encoding import decode
from merc.files.printable import printable
from merc.files.strict_xml import parse_xml

_MOST_BYTES = 1_000_000  # of the beginning of a file, which its header ends in


def linked_recording(path: Path) -> tuple[Path | None, tuple[str, ...]]:
    """The first recording that a `.eaf`, `.exb` or `.cha` file names and that is there, and a warning of what was found or not."""
    read = _MEDIA.get(path.suffix.lower())
    if read is None:
        return None, ()
    try:
        with path.open("rb") as file:
            media = read(file.read(_MOST_BYTES), printable(path.name))
    except (OSError, DataError):  # its reader says what is wrong with it
        return None, ()
    found = recording_among(path.parent, media)
    if found is not None:
        return found, (f"the recording is {printable(found.name)}, which {printable(path.name)} names",)
    if not media:
        return None, ()
    where = "which is not beside it; with --transcript, it can be given with the recording"
    return None, (f"{printable(path.name)} names the recording {printable(media[0].name)}, {where}",)


def recording_among(folder: Path, media: Iterable[LinkedMedium]) -> Path | None:
    """The first recording that is there, of those that a file of the folder names."""
    for medium in media:
        for candidate in _candidates(folder, medium):
            if candidate.suffix.lower().removeprefix(".") in KINDS and candidate.is_file():
                return candidate
    return None


def _candidates(folder: Path, medium: LinkedMedium) -> list[Path]:
    """Where it may lie. CHAT names recordings without a suffix."""
    parts = PurePosixPath(medium.path).parts
    places = [folder.joinpath(*parts)] if parts and ".." not in parts and not medium.path.startswith("/") else []
    places.append(folder / medium.name)
    if not PurePosixPath(medium.name).suffix and folder.is_dir():
        places += sorted(place for place in folder.glob("*.*") if place.stem == medium.name)
    return [place for place in places if "\0" not in str(place)]


# The readers are slow to import, and most transcripts are none of these.
def _of_eaf(data: bytes, name: str) -> tuple[LinkedMedium, ...]:
    from merc.annotation.transcripts.annotation_files.elan import EAF, EAF_ROOT, linked_media

    head, end, _ = decode(data, name).text.partition("</HEADER>")
    return linked_media(parse_xml(f"{head}{end}</{EAF_ROOT}>", name, EAF_ROOT, EAF)) if end else ()


def _of_exb(data: bytes, name: str) -> tuple[LinkedMedium, ...]:
    from merc.annotation.transcripts.annotation_files.exmaralda import EXB, EXB_ROOT, referenced_files

    head, end, _ = decode(data, name).text.partition("</head>")
    return referenced_files(parse_xml(f"{head}{end}</{EXB_ROOT}>", name, EXB_ROOT, EXB)) if end else ()


def _of_chat(data: bytes, name: str) -> tuple[LinkedMedium, ...]:
    from merc.annotation.transcripts.annotation_files.chat import read_chat

    text = decode(data, name).text
    lines = [line for line in text.split("\n")[:200] if line.startswith("@Media:")]
    return read_chat("\n".join([*lines[:1], "*X:\t."]), name).media


_MEDIA: Mapping[str, Callable[[bytes, str], tuple[LinkedMedium, ...]]] = {".eaf": _of_eaf, ".exb": _of_exb, ".cha": _of_chat}
