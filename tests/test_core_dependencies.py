"""The core, which labels chats and transcripts, does without what the extras bring: that is blocked in processes of their own."""

import json
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import merc
from merc.files.extras import PACKAGES

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
# Packages and modules that are there to train, to judge and to study, and may import what the extra `train` brings.
TRAINING = (
    "merc.cli.tables.adaptation",
    "merc.cli.tables.studies",
    "merc.data.batching",
    "merc.data.probe",
    "merc.encoders.text.graph",
    "merc.encoders.text.torch_model",
    "merc.evaluation",
    "merc.graphs.export",
    "merc.graphs.whole",
    "merc.inference.saved_graph",
    "merc.inference.torch_backend",
    "merc.networks",
    "merc.runs",
    "merc.studies",
    "merc.synthetic.conversations",
    "merc.synthetic.oracle",
    "merc.training",
)
BLOCK = "import sys, json; sys.modules.update(dict.fromkeys(json.loads(sys.argv[1])))\n"  # a module that is None can't be imported

# Imports modules one by one and prints those that failed.
IMPORT = """
import importlib

failed = {}
for name in json.loads(sys.argv[2]):
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""

# Takes names from merc and prints what they gave.
TAKE = """
import merc

found = {}
for name in json.loads(sys.argv[2]):
    try:
        found[name] = type(getattr(merc, name)).__name__
    except Exception as error:
        found[name] = f"{type(error).__name__}: {error}"
print(json.dumps(found))
"""


def in_the_core(program, values):
    """What a program prints last, as JSON, in a process that has the core alone."""
    arguments = [json.dumps(blocked_packages()), json.dumps(values)]
    done = subprocess.run([sys.executable, "-c", BLOCK + program, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def core_distributions():
    """Canonical names of merc, of what it needs without extras, and of what those need in turn."""
    found, waiting = set(), [Requirement(text) for text in PROJECT["dependencies"]]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = {"", *requirement.extras}
        if (name, frozenset(extras)) in found:
            continue
        found.add((name, frozenset(extras)))
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another platform
            continue
        for text in needed:
            child = Requirement(text)
            if child.marker is None or any(child.marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(child)
    return {name for name, _ in found} | {"merc"}


def blocked_packages():
    """Top-level import names that only distributions outside the core provide."""
    core = core_distributions()
    return sorted(
        package
        for package, distributions in metadata.packages_distributions().items()
        if package.isidentifier() and not core & {canonicalize_name(name) for name in distributions}
    )


def module_names():
    for path in sorted((ROOT / "src/merc").rglob("*.py")):
        parts = path.relative_to(ROOT / "src").with_suffix("").parts
        if parts[-1] != "__main__":  # importing it runs the command line
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_for_training(name):
    return any(name == known or name.startswith(f"{known}.") for known in TRAINING)


def test_all_but_training_imports_without_the_extras():
    failed = in_the_core(IMPORT, list(module_names()))
    assert {name: error for name, error in failed.items() if not is_for_training(name)} == {}
    assert {known for known in TRAINING if any(f"{name}.".startswith(f"{known}.") for name in failed)} == set(TRAINING)


def test_the_core_is_free_of_what_is_large():
    large = ("torch", "scipy", "scikit-learn", "transformers", "sentence-transformers", "pandas", "matplotlib", "pyarrow")
    assert core_distributions().isdisjoint(large)


def test_what_is_exported_says_which_extra_it_needs():
    found = in_the_core(TAKE, [*merc.__all__, "__version__"])
    lacking = {name: said for name, said in found.items() if "Error" in said}
    assert lacking == {
        name: f"MissingExtraError: merc.{name} needs the optional extra 'train': pip install 'merc[train]'" for name in lacking
    }
    for name in ("annotate", "load", "Model", "Annotation", "Options", "Transcript", "Sound", "Corpus", "open_store", "MercError"):
        assert name not in lacking
    assert {"train", "adapt", "evaluate"} <= set(lacking)


def test_the_extras_are_really_blocked():
    blocked = blocked_packages()
    extras = ["torch", "sklearn", "pyarrow", "sentence_transformers", "transformers", "pooch", "jaxtyping", "beartype", "pytest"]
    assert set(extras) <= set(blocked)
    assert set(in_the_core(IMPORT, extras)) == set(extras)


@pytest.mark.parametrize("package", ["numpy", "onnxruntime", "tokenizers", "pydantic", "yaml", "merc"])
def test_the_core_is_not_blocked(package):
    assert package not in blocked_packages()


@pytest.mark.parametrize("extra", PACKAGES)
def test_the_packages_of_an_extra_are_those_that_it_declares(extra):
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["optional-dependencies"][extra]}
    distributions = {**metadata.packages_distributions(), "parselmouth": ["praat-parselmouth"]}  # which does not say so itself
    assert {canonicalize_name(name) for package in PACKAGES[extra] for name in distributions[package]} == declared
    assert set(PACKAGES) == set(PROJECT["optional-dependencies"]) - {"dev"}
