"""Models by name: the one that comes with the package, a run's or a saved model's folder, or an id of a model hub."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from merc.encoders.interface import BackendChoice
from merc.errors import RunError
from merc.files.arguments import path_from
from merc.inference.recogniser import Recogniser
from merc.inference.saved import CONFIG, WEIGHTS

SHIPPED = "shipped"
SHIPPED_FOLDER = Path(__file__).parents[1] / "assets" / "shipped"  # its card: README.md there
Model = TypeVar("Model", bound=Recogniser)


def load_model(name: str | Path | None, kind: type[Model], backend: BackendChoice = "auto") -> Model:
    """A model.

    Args:
        backend: what runs the network, and the text encoder that comes with merc. `onnx` is ONNX Runtime on the CPU, `torch` needs
            the extra `train`; `auto` is `onnx` where the model has a graph, until `to` names another device than the CPU.
        name: a folder of a run or of a saved model, or an id of a model hub; None or `shipped` is the model that comes with merc:
            CMATH on text and audio, trained on MELD.
        kind: the class to make, `Recogniser` or one of its subclasses.

    Raises:
        RunError: nothing of the kind is there, or it is damaged, or it has no graph for `onnx`.
        MissingExtraError: it needs torch, which is not installed.
    """
    if name is None or str(name) == SHIPPED:
        if not SHIPPED_FOLDER.is_dir():
            raise RunError("this installation has no shipped model; name one, such as the folder of a run")
        name = SHIPPED_FOLDER
    path = path_from(name, "model", "the name or the folder of a model", RunError)
    if (folder := model_folder(path)) is not None:
        return kind.from_pretrained(str(folder), backend=backend)
    beside_folders = path.parent != Path() and path.parent.is_dir()  # a mistyped run, so no model hub is asked
    if path.exists() or beside_folders or str(name).count("/") != 1 or str(name).startswith((".", "/")):
        raise RunError(f"{path}: no model here; expected {CONFIG} and {WEIGHTS}, in it or in its folder 'model'")
    return kind.from_pretrained(str(name), backend=backend)


def model_folder(path: Path) -> Path | None:
    """The folder of a model's files: a saved model's own, or that in a run's; None where there is none."""
    for folder in (path, path / "model"):
        if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
            return folder
    return None


def load(name: str | Path | None = None, *, backend: BackendChoice = "auto") -> Recogniser:
    """A trained model; see `load_model`."""
    return load_model(name, Recogniser, backend)
