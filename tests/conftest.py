"""Shapes and types are checked in the test run only: every call of the package's functions by beartype, and with jaxtyping's import
hook where a module names shapes; the hook costs plain functions several times what beartype does.

Below it, the small corpora, samples, recipes and networks that several tests build on. Imports stay inside the fixtures: tests of
single files need not wait for torch.
"""

import gc
import shutil
from contextlib import nullcontext
from pathlib import Path

from beartype import BeartypeConf
from beartype.claw import beartype_package
from jaxtyping import install_import_hook

SOURCE = Path(__file__).resolve().parents[1] / "src"
WITH_SHAPES = [
    ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
    for path in SOURCE.rglob("*.py")
    if "merc.files.shapes import" in path.read_text(encoding="utf-8")
]
beartype_package("merc", conf=BeartypeConf(claw_is_pep526=False))
install_import_hook(WITH_SHAPES, "beartype.beartype")

import numpy as np  # noqa: E402
import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from unchecked import unchecked_shapes  # noqa: E402

# A busy machine is no failure, and no run has other examples than the last: `--hypothesis-profile=explore` looks for new ones.
settings.register_profile("merc", deadline=None, derandomize=True, database=None)
settings.register_profile("explore", deadline=None, max_examples=1000)
settings.load_profile("merc")


@pytest.fixture(autouse=True)
def no_terminal_width(monkeypatch):
    """What is printed must not hang on the terminal that the tests were started from."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_run(tmp_path_factory, worker_id):
    """What merc keeps for a user is kept for the test run, all its processes together."""
    base = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MERC_CACHE", str((base if worker_id == "master" else base.parent) / "cache-of-merc"))
        yield


@pytest.fixture(autouse=True, scope="session")
def exported():
    """An export takes ten seconds, so models are saved without a graph, but for one that is there. Gives the function left out."""
    from merc.graphs.errors import NotExportableError
    from merc.inference.recogniser import Recogniser
    from merc.inference.saved import SavedNetwork

    def kept(model):
        if isinstance(model._network, SavedNetwork):
            return model._network.graph
        raise NotExportableError("left out in tests")

    original = Recogniser.graph
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Recogniser, "graph", kept)
        yield original


@pytest.fixture(scope="module")
def with_graphs(exported):
    """In a module that asks for it models are saved with their graphs, which are kept for the whole test run."""
    from merc.inference.recogniser import Recogniser

    with unchecked_shapes(), pytest.MonkeyPatch.context() as patch:  # a length that is compared would be fixed in the graph
        patch.setattr(Recogniser, "graph", exported)
        yield


LONG = ("runs", "studies", "cli", "test_bench.py", "test_readme.py", "test_recipes.py", "test_beds.py")


@pytest.fixture(autouse=True, scope="module")
def shapes_unchecked_in_long_runs(request):
    """Whole trainings and studies run without checks of shapes; what they call is checked in the tests that mirror it."""
    below_tests = request.path.relative_to(Path(__file__).parent)
    with unchecked_shapes() if below_tests.parts[0] in LONG else nullcontext():
        yield


def pytest_collection_finish():
    """What is imported by now stays: collections of garbage, some of them asked for by what is tested, need not go through it."""
    gc.collect()
    gc.freeze()


CHROMIUM = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; skips where playwright or Chromium is missing."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: the page is not opened")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the page is not opened")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=CHROMIUM)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def idle_tabs():
    """Tabs of the browser that no test uses: a new one costs a process."""
    return []


@pytest.fixture
def open_tab(browser, idle_tabs):
    """Opens a file in a window of a size and mode. The tab keeps what it requested, what was blocked, and messages and errors."""
    used = []

    def open_file(path, width, height, mode):
        if idle_tabs:
            tab = idle_tabs.pop()
        else:
            tab = browser.new_page()
            tab.set_default_timeout(0)  # a busy machine is no failure
            tab.on("request", lambda request: tab.requests.append(request.url))
            tab.on("requestfailed", lambda request: tab.blocked.append((request.url, request.failure)))
            tab.on("console", lambda message: tab.messages.append(message.text))
            tab.on("pageerror", lambda error: tab.messages.append(str(error)))
        used.append(tab)
        tab.requests, tab.blocked, tab.messages = [], [], []
        tab.set_viewport_size({"width": width, "height": height})
        tab.emulate_media(media="screen", color_scheme=mode)
        tab.mouse.move(0, 0)
        tab.goto(path.as_uri())
        return tab

    yield open_file
    for tab in used:
        tab.goto("about:blank")
    idle_tabs.extend(used)


CLASSES = ("calm", "cross", "glad")
WIDTHS = {"text": 6, "audio": 5, "visual": 4}
TINY = {
    "name": "tiny",
    "model": {
        "width": 8,
        "dropout": 0.1,
        "attention": {"heads": 2, "max_distance": 3},
        "reconstruction": {"hidden": 7},
        "tower": {"layers": 1},
        "fusion": {"latent": 6, "offset_hidden": 8},
    },
    "training": {"epochs": 3, "batch_conversations": 3, "learning_rate": 5e-3},
}
TINY_RIVAL = {"name": "early_fusion", "width": 8, "layers": 1, "feed_forward": 2, "attention": {"heads": 2, "max_distance": 3}}


@pytest.fixture(scope="session")
def tiny_corpus():
    """Three modalities, three classes, 6 + 3 + 3 conversations of 1 to 6 utterances, one to three speakers."""
    from merc.synthetic.conversations import SyntheticConfig, synthesise
    from merc.synthetic.planting import Stream

    streams = (
        Stream(modality="text", dimension=6, quality=3.0, noise=0.1, absent=0.1),
        Stream(modality="audio", dimension=5, quality=2.0, noise=0.2, absent=0.15),
        Stream(modality="visual", dimension=4, quality=1.4, noise=0.3, absent=0.2),
    )
    sizes = {"train": 6, "validation": 3, "test": 3, "length": (1, 6), "speakers": (1, 3)}
    return synthesise(SyntheticConfig(**sizes, classes=CLASSES, streams=streams))


@pytest.fixture(scope="session")
def tiny_recipe():
    """Makes a small recipe; keyword arguments are its sections, laid over the small one's at every level."""
    from merc.training.recipe import recipe_from

    def over(base, change):
        another_network = isinstance(change, dict) and change.get("name", "cmath") != "cmath"
        if not isinstance(base, dict) or not isinstance(change, dict) or another_network:
            return change
        return {**base, **{key: over(base.get(key), value) for key, value in change.items()}}

    def make(**sections):
        return recipe_from(over(TINY, sections))

    return make


@pytest.fixture(scope="session")
def rival_config():
    """The `model` section of a small recipe for early fusion."""
    return dict(TINY_RIVAL)


@pytest.fixture(scope="session")
def make_samples():
    """Makes random samples: conversations as arrays, some modalities absent, some utterances with none, some unlabelled."""
    from merc.data.preprocessing import Sample

    def make(seed=0, lengths=(5, 1, 3), widths=WIDTHS, speakers=3, absent=0.25, labelled=0.8):
        random = np.random.default_rng(seed)
        samples = []
        for number, length in enumerate(lengths):
            present = random.random((length, len(widths))) >= absent
            if length > 2:
                present[1] = False
            if absent == 0:
                present[:] = True
            inputs = {
                name: random.standard_normal((length, width), dtype=np.float32) * present[:, m, None].astype(np.float32)
                for m, (name, width) in enumerate(widths.items())
            }
            labels = np.where(random.random(length) < labelled, random.integers(0, len(CLASSES), length), -1)
            talk = np.concatenate([[0], random.integers(0, speakers, length)])[:length]
            samples.append(Sample(f"c{number}", inputs, present, talk.astype(np.int64), labels.astype(np.int64)))
        return samples

    return make


@pytest.fixture(scope="session")
def make_network(tiny_recipe):
    """Builds a network from a recipe's `model` section: every parameter off its start, no dropout, evaluation mode."""
    import torch

    def make(seed=0, widths=WIDTHS, spread=0.3, **model):
        without = {} if model.get("name") in ("majority", "logistic_regression") else {"dropout": 0.0}
        config = tiny_recipe(model={**without, **model}).model
        torch.manual_seed(seed)
        network = config.build(widths, len(CLASSES))
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.add_(torch.randn_like(parameter) * spread)
        return network.eval()

    return make


@pytest.fixture(scope="session")
def trained(tiny_corpus, tiny_recipe, tmp_path_factory):
    """Trains a small recipe and gives its finished run; the same sections give the same run, trained once a session."""
    from merc.runs.training import train

    runs = {}

    def make(**sections):
        key = repr(sorted((name, repr(change)) for name, change in sections.items()))
        if key not in runs:
            folder = tmp_path_factory.mktemp("runs") / "run"
            runs[key] = train(tiny_recipe(**sections), folder, corpus=tiny_corpus)
        return runs[key]

    return make
