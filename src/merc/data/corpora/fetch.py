"""Downloading public corpora over HTTP by pooch, with the SHA-256 of every file known beforehand.

MELD's csv files (GPL-3.0) hold transcripts, speakers, emotions and times, but no audio. A file appears in the folder only when it
is whole and its checksum is right.
"""

from __future__ import annotations

import shutil
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from merc.errors import DataError, MissingExtraError
from merc.files.lock import locked_in_place
from merc.files.staged_file import is_temporary, temporary_name, write_atomically
from merc.settings import Progress, no_progress

TIMEOUT = 30.0  # seconds without a byte


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """Where a corpus is published.

    Attributes:
        base_url: where its files lie.
        files: path below it, whose last part is the name in the folder -> SHA-256 in 64 hex digits.
    """

    base_url: str
    files: Mapping[str, str]


# The csv files are named by commit, since the branch's copies were edited over time (one version of train lacks apostrophes). The
# checksums are of a copy that agrees with these commits in length and in the parts compared; the bytes that the public home serves
# could not be hashed here. LICENSE is the unchanged text of the GPL, version 3.
_TRAIN_DEV = "ca3e1266db4cc4a4e802156e2f721c4cd114a696"
_TEST = "76e4ed20032322e47bbe04d3b5179f9b2e35bec9"
PUBLISHED: Mapping[str, PublishedFiles] = {
    "meld": PublishedFiles(
        base_url="https://raw.githubusercontent.com/declare-lab/MELD",
        files={
            f"{_TRAIN_DEV}/data/MELD/train_sent_emo.csv": "d2fa2d6529cf03cac2989efec05c9b27d8fd2f4c8fc5974c7ae88aa537fa02db",
            f"{_TRAIN_DEV}/data/MELD/dev_sent_emo.csv": "2e89c6f8aa182d6f62f8c6331aece905ac7273ca4999660bfb5213e1d0370c1c",
            f"{_TEST}/data/MELD/test_sent_emo.csv": "8d37103938f7067600839fe29d5a114a6cd1bcdafb75bec101e06464c5006888",
            "master/LICENSE": "3972dc9744f6499f0f9b2dbf76696f2ae7ad8af9b23dde66d6af86c9dfb36986",
        },
    )
}


def fetch(
    corpus: str,
    folder: str | Path,
    base_url: str | None = None,
    progress: Progress = no_progress,
    *,
    published: Mapping[str, PublishedFiles] = PUBLISHED,
    timeout: float = TIMEOUT,
) -> list[Path]:
    """Downloads a corpus's public files and returns their paths, in the order in which they are published.

    Files that are there with the right checksum are not downloaded again.

    Args:
        corpus: a key of `published`; `meld`.
        folder: where to; made if missing.
        base_url: a mirror with the same paths; None is the corpus's own.
        progress: of the stage `files`, after every file.
        published: the corpora that are known.
        timeout: seconds to wait for the next byte.

    Raises:
        MissingExtraError: pooch is not installed.
        DataError: an unknown corpus, a failed download, another checksum than expected, a file of the same name and other content
            in the folder, or the disk is full or not writable. Files fetched before stay, and no half file is left.
    """
    if corpus not in published:
        raise DataError(f"unknown corpus {corpus!r}; those that can be fetched: {', '.join(published)}")
    try:
        import pooch  # pyright: ignore[reportMissingTypeStubs]
        from requests.exceptions import RequestException
    except ModuleNotFoundError as error:
        raise MissingExtraError("download", f"fetching {corpus}") from error
    folder, files = Path(folder), published[corpus].files
    home = (published[corpus].base_url if base_url is None else base_url).rstrip("/")
    if not home.startswith(("https://", "http://")):
        raise DataError(f"base URL {home!r}: allowed are http:// and https://")
    pooch.get_logger().setLevel("WARNING")  # `progress` reports each download
    # Not streamed: pooch leaves the connection of a streamed answer open when it is an error.
    downloader: Any = pooch.HTTPDownloader(timeout=timeout, stream=False)
    paths: list[Path] = []
    url = home
    try:
        with _staging(folder) as staging:
            for done, (published_path, sha256) in enumerate(files.items(), start=1):
                url, path = f"{home}/{published_path}", folder / published_path.rpartition("/")[2]
                if not path.exists():
                    pooch.retrieve(url, sha256, path.name, staging, downloader=downloader)
                    write_atomically(path, (staging / path.name).read_bytes())
                elif pooch.file_hash(str(path)) != sha256:
                    raise DataError(f"{path} is there already with another content; move it away")
                paths.append(path)
                progress("files", float(done), float(len(files)))
    except RequestException as error:
        reason = (str(error).splitlines() or [""])[0]
        raise DataError(f"{url}: download failed: {type(error).__name__}: {reason}; nothing was saved") from error
    except OSError as error:
        raise DataError(f"{folder}: can't be written: {error.strerror or error}") from error
    except DataError:
        raise
    except ValueError as error:  # another checksum
        raise DataError(f"{url}: {error} Nothing was saved") from error
    return paths


@contextmanager
def _staging(folder: Path) -> Generator[Path, None, None]:
    """A hidden folder in `folder` that goes on leaving; those that killed calls left go first, if no other call is at work."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked_in_place(folder) as alone:
        for left in [path for path in folder.iterdir() if alone and is_temporary(path.name)]:
            shutil.rmtree(left, ignore_errors=True)
        staging = folder / temporary_name()
        try:
            staging.mkdir()
            yield staging
        finally:
            shutil.rmtree(staging, ignore_errors=True)
