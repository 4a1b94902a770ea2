"""The model that comes with the package: CMATH on text and audio, trained on MELD (its card: `assets/shipped/README.md`)."""

from __future__ import annotations

from pathlib import Path

from merc.errors import RunError
from merc.inference.recogniser import Recogniser, load

NAME = "shipped"
FOLDER = Path(__file__).parents[1] / "assets" / "shipped"


def load_model(name: str | Path | None = None) -> Recogniser:
    """A model by its folder or hub id, or the shipped one.

    Args:
        name: see `merc.load`; None or `shipped` is the one that comes with the package.

    Raises:
        RunError: nothing of the kind is there, or it is damaged.
    """
    if name is None or str(name) == NAME:
        if not FOLDER.is_dir():
            raise RunError("this installation has no shipped model; name one, such as the folder of a run")
        return load(FOLDER)
    return load(name)
