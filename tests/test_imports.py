"""Imports go one way, as the design says, and some go nowhere: read from the syntax trees, so that no import escapes."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src"

# From left to right. A module imports only from its own package and from what stands further left.
ORDER = (
    ("errors",),
    ("settings", "progress_bar"),
    ("files",),
    ("graphs",),
    ("data",),
    ("synthetic", "encoders", "networks"),
    ("inference",),
    ("evaluation",),
    ("training",),
    ("runs",),
    ("studies", "annotation"),
    ("cli",),
)
RANKS = {name: rank for rank, names in enumerate(ORDER) for name in names}
TOP = len(ORDER)  # merc/__init__.py and merc/__main__.py, which nothing inside the package but cli may need

# Modules that run code when they read a file, or that would let one through.
READERS_THAT_RUN_CODE = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
# What Windows lacks; a module of it, or a name of `os` or `signal`. One module of ours knows what to do without.
POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "syslog", "termios", "tty"}
POSIX_NAMES = {
    "os": r"fork|get(e?[ug]id|pgid|sid)|set\w+id|setsid|setpgrp|killpg|wait\w*|sched_\w+|nice|mkfifo|mknod|l?chown|chroot"
    r"|sysconf|uname|p(read|write)v?|openpty|O_(DIRECTORY|NOFOLLOW|NONBLOCK|CLOEXEC|SYNC|DIRECT)|fchmod|statvfs|getloadavg",
    "signal": r"SIG(KILL|HUP|ALRM|CHLD|USR1|USR2|QUIT|PIPE|TSTP|CONT|WINCH)|alarm|setitimer|pthread_\w+|sigwait\w*|pause",
}
WITHOUT_POSIX = "merc.files.posix"
# What must not be loaded for the sake of `merc --help`, which answers in 0.3 s.
SLOW_TO_IMPORT = (
    "torch",
    "sklearn",
    "scipy",
    "pyarrow",
    "pandas",
    "matplotlib",
    "transformers",
    "sentence_transformers",
    "safetensors.torch",
    "onnxruntime",
    "tokenizers",
)


def modules():
    """Dotted name -> file, for all of src/merc."""
    found = {}
    for path in sorted(SOURCE.joinpath("merc").rglob("*.py")):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def imported_names(tree, module, is_package):
    """(line, dotted name) of every import, at any depth of the tree; `from a import b` gives a.b."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                kept = parts[: len(parts) - node.level + is_package]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)
        elif _is_dynamic_import(node):
            yield node.lineno, node.args[0].value


def _is_dynamic_import(node):
    return (
        isinstance(node, ast.Call)
        and ast.unparse(node.func) in {"importlib.import_module", "import_module", "__import__"}
        and bool(node.args)
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    )


def package_of(name):
    """The ranked part of a dotted name in merc: `merc.data.store.store` -> data; `merc` itself and its own names -> merc."""
    parts = name.split(".")
    return parts[1] if len(parts) > 1 and parts[1] in RANKS else "merc"


def wrong_ways(source, module, is_package=False):
    """What a module imports from its right, as lines of text."""
    own = package_of(module)
    own_rank = RANKS.get(own, TOP)
    for line, name in imported_names(ast.parse(source), module, is_package):
        if name == "merc" or name.startswith("merc."):
            other = package_of(name)
            outward = (own, other) == ("cli", "merc")  # the command line may use what a user of the package may
            if other != own and RANKS.get(other, TOP) >= own_rank and not outward:
                yield f"{module}:{line} imports {name}"


def forbidden_readers(source, module):
    """Imports and calls that would run code from a file."""
    tree = ast.parse(source)
    for line, name in imported_names(tree, module, False):
        top = name.split(".")[0]
        if top in READERS_THAT_RUN_CODE or (top == "pickletools" and module != "merc.data.unpickle.reading"):
            yield f"{module}:{line} imports {name}"
        if name in {"torch.load", "sklearn.utils.joblib", "pandas.read_pickle"}:
            yield f"{module}:{line} imports {name}"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if ast.unparse(node.func) in {"torch.load", "torch.save", "np.lib.format.read_array", "pd.read_pickle"}:
            yield f"{module}:{node.lineno} calls {ast.unparse(node.func)}"
        for keyword in node.keywords:
            trusting = {"allow_pickle": False, "trust_remote_code": False, "weights_only": True}
            if keyword.arg in trusting and not (
                isinstance(keyword.value, ast.Constant) and keyword.value.value is trusting[keyword.arg]
            ):
                yield f"{module}:{node.lineno} sets {keyword.arg} to {ast.unparse(keyword.value)}"


def posix_only(source, module):
    """Imports and names that only POSIX systems have."""
    tree = ast.parse(source)
    for line, name in imported_names(tree, module, False):
        home, _, rest = name.partition(".")
        if home in POSIX_MODULES or (home in POSIX_NAMES and re.fullmatch(POSIX_NAMES[home], rest)):
            yield f"{module}:{line} imports {name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.fullmatch(POSIX_NAMES.get(ast.unparse(node.value), "(?!)"), node.attr):
            yield f"{module}:{node.lineno} takes {ast.unparse(node)}"


def test_every_module_has_a_rank():
    ranked = {name.split(".")[1] for name in MODULES if "." in name} - {"__main__"}
    assert ranked <= set(RANKS), f"give {sorted(ranked - set(RANKS))} a place in ORDER, where the design puts it"


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_leftwards(module):
    path = MODULES[module]
    assert list(wrong_ways(path.read_text(), module, path.name == "__init__.py")) == []


def circles(graph):
    """Every group of two or more modules that import one another, directly or by way of others."""
    reached = {}
    for module in graph:
        found, pending = set(), [module]
        while pending:
            new = graph[pending.pop()] - found
            found |= new
            pending += new
        reached[module] = found
    return {frozenset(n for n in reached[m] if m in reached[n]) for m in graph if m in reached[m]}


def module_imports(module, path):
    """The modules of merc that a module imports, at any depth of its code."""
    names = [name for _, name in imported_names(ast.parse(path.read_text()), module, path.name == "__init__.py")]
    owners = {name if name in MODULES else name.rpartition(".")[0] for name in names}
    return {owner for owner in owners if owner in MODULES} - {"merc", module}


def test_no_modules_import_one_another():
    graph = {module: module_imports(module, path) for module, path in MODULES.items() if module != "merc"}
    assert sum(map(len, graph.values())) > 500
    assert circles(graph) == set()


def test_a_circle_is_seen():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == {frozenset("bc")}


def test_the_order_has_at_most_twelve_ranks_and_the_root_little():
    assert len(ORDER) <= 12
    assert {path.name for path in (SOURCE / "merc").glob("*.py")} == {"__init__.py", "__main__.py", "errors.py", "settings.py"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_reads_a_file_that_could_run_code(module):
    assert list(forbidden_readers(MODULES[module].read_text(), module)) == []


@pytest.mark.parametrize("module", [module for module in MODULES if module != WITHOUT_POSIX])
def test_one_module_alone_takes_what_only_posix_has(module):
    assert list(posix_only(MODULES[module].read_text(), module)) == []


@pytest.mark.parametrize(
    "source",
    ["import fcntl", "def late():\n    from resource import setrlimit", "from os import fork", "os.kill(1, signal.SIGKILL)"],
)
def test_what_only_posix_has_is_seen(source):
    assert len(list(posix_only(source, "merc.data.store.store"))) == 1


def test_what_every_system_has_is_let_through():
    source = "import os, signal\nos.replace(a, b)\nsignal.signal(signal.SIGINT, f)\nos.getpid()\nself.fork()"
    assert list(posix_only(source, "merc.data.store.store")) == []
    assert list(posix_only(MODULES[WITHOUT_POSIX].read_text(), WITHOUT_POSIX)) != []


@pytest.mark.parametrize("module", MODULES)
def test_every_module_says_what_it_is(module):
    assert ast.get_docstring(ast.parse(MODULES[module].read_text())), f"{module} has no docstring"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("merc.data.store.store", "import merc.networks.cmath.network"),
        ("merc.data.store.store", "from merc.networks import cmath"),
        ("merc.data.store.store", "from merc import networks"),
        ("merc.data.store.store", "import merc"),
        ("merc.data.store.store", "from ...networks import cmath"),
        ("merc.data.store.store", "def late():\n    from merc.training.loop import train"),
        ("merc.data.store.store", "if TYPE_CHECKING:\n    from merc.encoders import text"),
        ("merc.data.store.store", "importlib.import_module('merc.networks.cmath.network')"),
        ("merc.errors", "from merc.settings import Settings"),
        ("merc.runs.training", "import merc.cli"),
        ("merc.annotation.media.excerpts", "import merc.studies.runner"),
    ],
)
def test_a_wrong_way_is_seen(module, source):
    assert len(list(wrong_ways(source, module))) == 1


@pytest.mark.parametrize(
    ("module", "source", "is_package"),
    [
        ("merc.runs.training", "from merc.evaluation.metrics import weighted_f1", False),
        ("merc.networks.cmath.network", "from merc.networks.cmath.fusion import Pool\nfrom merc.data.schema import Corpus", False),
        ("merc.networks.cmath.network", "from .fusion import Pool\nfrom ..errors import DataError", False),
        ("merc.data.formats", "from .layout import Layout\nfrom ..schema import Corpus", True),
        ("merc", "from merc.runs.evaluation import evaluate", True),
        ("merc.cli", "import merc\nfrom merc import __version__\nfrom merc.runs.evaluation import evaluate", False),
    ],
)
def test_a_right_way_is_let_through(module, source, is_package):
    assert list(wrong_ways(source, module, is_package)) == []


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "def late():\n    from pickle import loads",
        "__import__('pickle')",
        "import pickletools",
        "import joblib",
        "torch.load(path)",
        "np.load(path, allow_pickle=True)",
        "AutoModel.from_pretrained(name, trust_remote_code=options.trust)",
    ],
)
def test_a_reader_that_runs_code_is_seen(source):
    assert len(list(forbidden_readers(source, "merc.data.store.store"))) == 1


def test_a_reader_that_runs_no_code_is_let_through():
    assert list(forbidden_readers("import pickletools", "merc.data.unpickle.reading")) == []
    assert list(forbidden_readers("np.load(path, allow_pickle=False)", "merc.data.store.store")) == []


def test_building_the_command_line_needs_neither_pydantic_nor_numpy():
    program = "import sys, merc.cli.program; sys.exit(len({'pydantic', 'numpy'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.parametrize("arguments", [[], ["--help"], ["data", "--help"], ["train", "--help"]])
def test_the_command_line_answers_without_the_slow_libraries(arguments):
    """With no arguments merc.cli is only imported; otherwise its `main` is run too."""
    program = f"""
import sys
import merc.cli
sys.argv = ["merc", *{arguments!r}]
try:
    code = merc.cli.main() if {arguments!r} else 0
except SystemExit as stop:
    code = stop.code
loaded = [name for name in {SLOW_TO_IMPORT!r} if name in sys.modules]
sys.exit(f"exit code {{code}}" if code else f"loaded: {{loaded}}" if loaded else 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# The modules of each package that may import them, for their callers import them when they are needed.
BACKENDS = {
    "merc.annotation": set(),
    "merc.encoders": {"merc.encoders.text.torch_model", "merc.encoders.text.graph"},
    "merc.graphs": {"merc.graphs.export"},
    "merc.inference": {"merc.inference.torch_backend", "merc.inference.saved_graph"},
}


@pytest.mark.parametrize("package", BACKENDS)
def test_a_package_is_imported_without_the_libraries_of_training(package):
    names = [name for name in MODULES if f"{name}.".startswith(f"{package}.") and name not in BACKENDS[package]]
    slow = ["torch", "transformers", "sentence_transformers", "scipy", "sklearn", "pyarrow", "pandas", "matplotlib"]
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
    found = [slow for slow in {slow!r} if slow in sys.modules]
    if found:
        sys.exit(f"{{name}} loads {{found}}")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_annotating_imports_no_reader_that_is_not_needed():
    """All readers of transcripts together take a fifth of a second."""
    readers = (
        "captions.",
        "recognisers.",
        "plain.",
        "annotation_files.elan",
        "annotation_files.textgrid",
        "tables",
        "word_document",
    )
    program = f"""
import sys
import merc.annotation.annotator, merc.annotation.export.files
package = "merc.annotation.transcripts."
sys.exit(", ".join(n for n in sys.modules if n.startswith(tuple(package + r for r in {readers!r}))) or 0)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
