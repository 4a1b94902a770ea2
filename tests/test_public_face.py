"""What people meet first: names, types, examples that run."""

import doctest
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import pytest

import merc


def test_its_names_are_listed_and_there():
    assert set(merc.__all__) <= set(dir(merc))
    assert all(getattr(merc, name) is not None for name in merc.__all__)
    assert merc.__version__ == importlib.metadata.version("merc")
    assert Path(merc.__file__).with_name("py.typed").is_file()
    with pytest.raises(AttributeError, match="no attribute 'nothing_of_the_kind'"):
        _ = merc.nothing_of_the_kind


def test_type_checkers_see_the_names_that_programs_get():
    import ast

    tree = ast.parse(Path(merc.__file__).read_text(encoding="utf-8"))
    seen = {
        alias.name: node.module
        for branch in ast.walk(tree)
        if isinstance(branch, ast.If) and ast.unparse(branch.test) == "TYPE_CHECKING"
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen == dict(merc._HOME)


@pytest.mark.parametrize("name", merc.__all__)
def test_everything_exported_has_an_example_that_runs(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = getattr(merc, name)
    finder = doctest.DocTestFinder(recurse=False)
    module = sys.modules[found.__module__]
    (test,) = finder.find(found, name, module)
    assert test.examples, f"merc.{name} has no example"
    assert doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE).run(test).failed == 0


def test_the_bare_import_is_light():
    heavy = {"torch", "scipy", "sklearn", "transformers", "pandas", "matplotlib", "pyarrow", "onnxruntime", "tokenizers"}
    program = f"import sys, merc; sys.exit(len({heavy | {'numpy', 'pydantic'}!r} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
