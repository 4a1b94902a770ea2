"""The Hugging Face Hub: all that is downloaded from it goes through here, and what fails there is one line.

The hub's library raises errors of its own, of its HTTP client (which are no OSError), and of whatever reads what a proxy answered.
"""

from __future__ import annotations

import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from merc.errors import MercError
from merc.files.printable import first_line


class HubError(MercError):
    """A model can't be had from the hub: what happened, and what to do. Callers put the model's name before it."""


def hub_folder(
    repo: str,
    files: Sequence[str],
    *,
    ignore: Sequence[str] = (),
    revision: str | None = None,
    cache_dir: str | Path | None = None,
    force_download: bool = False,
    local_files_only: bool = False,
    token: str | bool | None = None,
) -> Path:
    """The folder of a repository's files, all of one commit: the newest, or where the hub can't be had, the one in its cache.

    What is not in the cache is downloaded, and a warning says so, with its size. Files get their names once they are whole, so a
    download that breaks off leaves nothing that is taken for a model.

    Args:
        repo: its id, such as `someone/emotions`.
        files, ignore: patterns of the files that are wanted, and of those among them that are not.
        revision, cache_dir, force_download, local_files_only, token: as everywhere in the hub's library.

    Raises:
        HubError: it is neither there nor in the cache.
    """
    from huggingface_hub import HfApi, constants, snapshot_download  # pyright: ignore[reportUnknownVariableType]
    from huggingface_hub.utils import filter_repo_objects

    patterns: dict[str, Any] = {"allow_patterns": list(files), "ignore_patterns": list(ignore)}

    def snapshot(of: str | None, **options: Any) -> Path:
        return Path(snapshot_download(repo, revision=of, cache_dir=cache_dir, token=token, **patterns, **options))

    def cached(of: str | None) -> Path | None:
        try:
            return snapshot(of, local_files_only=True)
        except Exception:  # not there or not whole; the library has no one error for it
            return None

    with _bounded():
        try:
            if local_files_only:
                return snapshot(revision, local_files_only=True)
            api = HfApi(token=token)
            try:
                info = api.model_info(repo, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT, files_metadata=True)
            except Exception:
                if not force_download and (found := cached(revision)) is not None:
                    return found
                raise
            if force_download or cached(info.sha) is None:
                sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
                size = sum(sizes[name] for name in filter_repo_objects(sizes, **patterns))
                place = cache_dir or constants.HF_HUB_CACHE
                sentence = f"downloading {repo} ({size / 1e6:.1f} MB) from {api.endpoint}, to be kept in {place}"
                warnings.warn(sentence, stacklevel=2)
            return snapshot(revision, force_download=force_download)
        except Warning:  # whoever made warnings errors wants no download
            raise
        except Exception as error:
            raise HubError(_explained(error, local_files_only)) from error


@contextmanager
def _bounded() -> Generator[None, None, None]:
    """The hub's library, without its log on stderr; requests for which it sets no limit of time have that of the others."""
    from huggingface_hub import constants, get_session
    from huggingface_hub.utils import logging

    level, session = logging.get_verbosity(), get_session()
    limit = session.timeout
    logging.set_verbosity_error()
    session.timeout = constants.HF_HUB_ETAG_TIMEOUT
    try:
        yield
    finally:
        session.timeout = limit
        logging.set_verbosity(level)


def _explained(error: Exception, local_files_only: bool) -> str:
    from huggingface_hub.errors import GatedRepoError, HFValidationError, OfflineModeIsEnabled, RepositoryNotFoundError

    kinds = {kind.__name__ for kind in type(error).__mro__}  # by name: which HTTP client it is changes with the library
    status = getattr(getattr(error, "response", None), "status_code", None)
    if local_files_only or isinstance(error, OfflineModeIsEnabled):
        return "it is not in the cache, at least not whole, and the network is switched off"
    if isinstance(error, HFValidationError):
        return f"it is no name of a model there: {first_line(error)}"
    if isinstance(error, GatedRepoError) or status == 403:
        return "access to it is refused; ask for it on the model's page, then set HF_TOKEN"
    if isinstance(error, RepositoryNotFoundError) or status in (401, 404):
        return "there is no such model, or it is private; check the name, or set HF_TOKEN"
    if status is not None:
        return f"the server answers with status {status}; try again later, or give a folder"
    if "TimeoutException" in kinds:
        return "the server does not answer in time; try again later, or give a folder"
    if kinds & {"ConnectError", "ProxyError"}:
        return f"the server can't be reached ({first_line(error)}); check the network, or give a folder"
    if isinstance(error, (TypeError, AttributeError, KeyError)):
        return "the server's answer is not that of a model hub; try again later, or give a folder"
    return f"the download broke off ({first_line(error)}); try again, or give a folder"
