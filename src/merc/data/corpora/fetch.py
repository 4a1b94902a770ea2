"""Downloading public corpora from their homes: over HTTP, with the SHA-256 of every file known beforehand.

MELD's csv files (GPL-3.0) hold transcripts, speakers, emotions and times, but no audio.
A file appears in the folder when it is whole and its checksum is right, not before.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from merc.errors import DataError, MissingExtraError
from merc.files.staged_file import sync_folder

Progress = Callable[[int, int], None]  # (done, total), in files
TIMEOUT = 30.0  # seconds without a byte


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file of a corpus.

    Attributes:
        path: below the corpus's base URL; its last part is the local name.
        sha256: of its content, 64 hex digits.
    """

    path: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's name in the folder."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class Source:
    """A corpus's public home."""

    base_url: str
    files: tuple[RemoteFile, ...]


# The csv files are named by commit, since the branch's copies were edited over time (one version of train lacks apostrophes). The
# checksums are of a copy that agrees with these commits in length and in the parts compared; the bytes that the public home serves
# could not be hashed here. LICENSE is the unchanged text of the GPL, version 3.
_MELD_TRAIN_DEV = "ca3e1266db4cc4a4e802156e2f721c4cd114a696"
_MELD_TEST = "76e4ed20032322e47bbe04d3b5179f9b2e35bec9"
SOURCES: Mapping[str, Source] = MappingProxyType(
    {
        "meld": Source(
            base_url="https://raw.githubusercontent.com/declare-lab/MELD",
            files=(
                RemoteFile(
                    f"{_MELD_TRAIN_DEV}/data/MELD/train_sent_emo.csv",
                    "d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
                ),
                RemoteFile(
                    f"{_MELD_TRAIN_DEV}/data/MELD/dev_sent_emo.csv",
                    "2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
                ),
                RemoteFile(
                    f"{_MELD_TEST}/data/MELD/test_sent_emo.csv",
                    "8d37103938f7067600839fe29d5a114a6cd1bcdafb75bec101e06464c5006888",
                ),
                RemoteFile("master/LICENSE", "3972dc9744f6499f0f9b2dbf76696f2ae7ad8af9b23dde66d6af86c9dfb36986"),
            ),
        )
    }
)


def fetch(
    corpus: str,
    folder: Path,
    base_url: str | None = None,
    progress: Progress | None = None,
    *,
    sources: Mapping[str, Source] = SOURCES,
    timeout: float = TIMEOUT,
) -> list[Path]:
    """Downloads a corpus's public files. Those that are there already, with the right checksum, are not downloaded again.

    Args:
        corpus: a key of `sources`; `meld`.
        folder: where to; made if missing.
        base_url: a mirror with the same paths; None is the corpus's own home.
        progress: called after every file with files done and their total.
        sources: the corpora that are known.
        timeout: seconds to wait for the next byte.

    Returns:
        The files, in the source's order.

    Raises:
        MissingExtraError: pooch is not installed.
        DataError: an unknown corpus, a failed download, another checksum than expected, a file of the same name and other content
            in the folder, or the disk is full or not writable. Files fetched before stay, and no half file is left.
    """
    if corpus not in sources:
        raise DataError(f"unknown corpus {corpus!r}; those that can be fetched: {', '.join(sources)}")
    source = sources[corpus]
    try:
        import pooch  # pyright: ignore[reportMissingTypeStubs]
    except ModuleNotFoundError as error:
        raise MissingExtraError("download", f"fetching {corpus}") from error
    home = (source.base_url if base_url is None else base_url).rstrip("/")
    if not home.startswith(("https://", "http://")):
        raise DataError(f"base URL {home!r}: allowed are http:// and https://")
    paths: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for done, file in enumerate(source.files, start=1):
            target = folder / file.name
            if target.exists():
                _check_present(target, file.sha256, pooch)
            else:
                _download(f"{home}/{file.path}", target, file.sha256, timeout, pooch)
            paths.append(target)
            if progress is not None:
                progress(done, len(source.files))
    except OSError as error:
        raise DataError(f"{folder}: can't be written: {error.strerror or error}") from error
    return paths


def _check_present(target: Path, expected: str, pooch: Any) -> None:
    found = pooch.file_hash(str(target), alg="sha256") if target.is_file() else "none, it is no file"
    if found != expected:
        raise DataError(f"{target} is there already with another content: SHA-256 {found}, expected {expected}; move it away")


def _download(url: str, target: Path, expected: str, timeout: float, pooch: Any) -> None:
    from requests.exceptions import HTTPError, RequestException

    with tempfile.TemporaryDirectory(prefix=".merc-fetch-", dir=target.parent) as temporary, _quiet(pooch):
        try:
            downloaded = Path(
                pooch.retrieve(
                    url,
                    known_hash=None,  # compared below, where the message can name both
                    fname=target.name,
                    path=temporary,
                    # Not streamed: pooch leaves the connection of a streamed answer open when it is an error.
                    downloader=pooch.HTTPDownloader(progressbar=False, timeout=timeout, stream=False),
                )
            )
        except HTTPError as error:
            answer = "an error" if error.response is None else f"{error.response.status_code} {error.response.reason}"
            raise DataError(f"{url}: the server answered {answer}; nothing was saved") from error
        except RequestException as error:
            reason = (str(error).splitlines() or [""])[0]
            raise DataError(f"{url}: download failed: {type(error).__name__}: {reason}; nothing was saved") from error
        found = pooch.file_hash(str(downloaded), alg="sha256")
        if found != expected:
            raise DataError(f"{url}: SHA-256 {found}, expected {expected}; nothing was saved as {target.name}")
        _move_synced(downloaded, target)


def _move_synced(source: Path, target: Path) -> None:
    with source.open("rb") as file:
        os.fsync(file.fileno())
    source.replace(target)
    sync_folder(target.parent)


@contextmanager
def _quiet(pooch: Any) -> Generator[None, None, None]:
    """pooch logs every download to stderr; progress here is the caller's."""
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("ERROR")
    try:
        yield
    finally:
        logger.setLevel(level)
