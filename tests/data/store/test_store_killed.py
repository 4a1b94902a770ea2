"""SIGKILL at every step of a change: the store is the old one or the new one, whole.

A process of its own forks a writer for each step: the n-th call to the file system, sync or half-finished write kills it.
A second process meets a real limit of the kernel's on file sizes, as a full disk would be.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.splits import by_parts
from merc.data.store.store import open_store, save_store, update_notes

TESTS = Path(__file__).resolve().parents[2]
COMMON = """
import os, resource, shutil, sys
from pathlib import Path
import numpy as np
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.splits import by_parts
from fault_points import Fuse, set_points
from merc.data.store.store import add_features, save_store, update_notes
from merc.errors import StoreError

def corpus(value, rows=12, dimension=32):
    turns = tuple(Utterance(str(i), "A", words=f"{value}", label="calm") for i in range(rows))
    conversations = tuple(
        Conversation(f"c{n}", turns, {"audio/x": np.full((rows, dimension), value, np.float32)}) for n in range(3)
    )
    return Corpus(
        name="made", label_set=LabelSet(names=("calm", "cross")), conversations=conversations,
        feature_schema=(FeatureSpec(modality="audio", name="x", dimension=dimension),),
        splits={"s": by_parts("s", ["c0"], ["c1"], ["c2"])}, notes={"value": value},
    )

def text(value):
    return {f"c{n}": np.full((12, 8), value, np.float32) for n in range(3)}

TEXT = FeatureSpec(modality="text", name="t", dimension=8)
CHANGES = {
    "fresh": [lambda folder: save_store(corpus(2.0), folder)],
    "overwrite": [lambda folder: save_store(corpus(2.0), folder, overwrite=True)],
    "add": [lambda folder: add_features(folder, TEXT, text(2.0))],
    "replace": [
        lambda folder: add_features(folder, FeatureSpec(modality="audio", name="x", dimension=8), text(2.0), overwrite=True)
    ],
    "notes": [lambda folder: update_notes(folder, {"value": 2.0})],
}
CHANGES["several"] = [*CHANGES["overwrite"], *CHANGES["add"], lambda folder: update_notes(folder, {"value": 3.0})]
"""

STEPS = (
    COMMON
    + """
CALLS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "fcntl.flock", "os.scandir", "os.listdir"}

def change(name, folder, step):
    # dies at that step, and exits where there are fewer
    set_points(Fuse(step), lambda event, arguments: event in CALLS)
    for each in CHANGES[name]:
        each(folder)
    os._exit(0)

# A first store of its own: libraries load on first use (Arrow imports pandas where it is installed), and loading is no step.
home, old = Path(sys.argv[1]), Path(sys.argv[2])
save_store(corpus(0.0), home / "first")
for name in CHANGES:
    step, killed = 0, True
    while killed:
        step += 1
        folder = home / name / f"{step:03}"
        folder.mkdir(parents=True)
        if name != "fresh":
            shutil.copytree(old, folder / "store")
        child = os.fork()
        if child == 0:
            change(name, folder / "store", step)
        status = os.waitpid(child, 0)[1]
        killed = os.WIFSIGNALED(status)
        assert killed or os.WEXITSTATUS(status) == 0
"""
)

LIMITED = (
    COMMON
    + """
limit = int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
for name, folder in zip(sys.argv[2::2], sys.argv[3::2]):
    try:
        for each in CHANGES[name]:
            each(Path(folder))
    except StoreError as error:
        print(error)
"""
)

TWO = (
    COMMON
    + """
for number in range(10):
    spec = FeatureSpec(modality="text", name=f"{sys.argv[2]}{number}", dimension=8)
    add_features(Path(sys.argv[1]), spec, text(1.0))
"""
)


def corpus(value):
    turns = tuple(Utterance(str(i), "A", words=f"{value}", label="calm") for i in range(12))
    return Corpus(
        name="made",
        label_set=LabelSet(names=("calm", "cross")),
        feature_schema=(FeatureSpec(modality="audio", name="x", dimension=32),),
        conversations=tuple(Conversation(f"c{n}", turns, {"audio/x": np.full((12, 32), value, np.float32)}) for n in range(3)),
        splits={"s": by_parts("s", ["c0"], ["c1"], ["c2"])},
        notes={"value": value},
    )


def run(script, *arguments):
    env = {**os.environ, "PYTHONPATH": str(TESTS)}
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, check=False, env=env
    )


def state(folder):
    """What can be told of a store from outside, all of it checked against the checksums on opening."""
    opened = open_store(folder)
    told = {
        key: sorted({float(x) for c in opened.conversations for x in c.features[key].flat})
        for key in opened.conversations[0].features
    }
    told["transcripts"] = sorted({float(u.words or "nan") for c in opened.conversations for u in c.utterances})
    return told, dict(opened.notes)


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder of old and, per change, of stores whose writers died at step 001, 002, ...; the last one's did not."""
    home = tmp_path_factory.mktemp("killed")
    save_store(corpus(1.0), home / "old")
    ended = run(STEPS, home, home / "old")
    assert ended.returncode == 0, ended.stderr
    return home


@pytest.mark.parametrize("change", ["fresh", "overwrite", "add", "replace", "notes", "several"])
def test_a_writer_killed_at_any_step_leaves_the_old_store_or_the_new(killed, change):
    folders = sorted((killed / change).iterdir())
    states = [None if change == "fresh" else state(killed / "old")]
    seen = []
    for number, folder in enumerate(folders):
        store = folder / "store"
        found = state(store) if store.exists() else None
        if found not in states:  # a step of several
            states.append(found)
        seen.append(states.index(found))
        if number % 4 and folder != folders[-1]:
            continue
        # The next writer works, and sweeps what the dead one left.
        save_store(corpus(5.0), store, overwrite=True)
        update_notes(store, {"value": 6.0})
        assert state(store) == ({"audio/x": [5.0], "transcripts": [5.0]}, {"value": 6.0})
        assert len(files(folder)) == 5, files(folder)
    assert seen == sorted(seen), "once new, the store stays new"
    assert not seen[0]
    both = {"audio/x": [2.0], "transcripts": [2.0]}
    assert (
        states[1:]
        == {
            "fresh": [(both, {"value": 2.0})],
            "overwrite": [(both, {"value": 2.0})],
            "add": [({"audio/x": [1.0], "text/t": [2.0], "transcripts": [1.0]}, {"value": 1.0})],
            "replace": [({"audio/x": [2.0], "transcripts": [1.0]}, {"value": 1.0})],
            "notes": [({"audio/x": [1.0], "transcripts": [1.0]}, {"value": 2.0})],
            "several": [
                (both, {"value": 2.0}),
                ({**both, "text/t": [2.0]}, {"value": 2.0}),
                ({**both, "text/t": [2.0]}, {"value": 3.0}),
            ],
        }[change]
    )


def test_a_real_limit_on_file_size_is_a_clear_error(tmp_path):
    places = {change: tmp_path / change for change in ("fresh", "overwrite", "add")}
    for change in ("overwrite", "add"):
        save_store(corpus(1.0), places[change])
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if (tmp_path / name).is_file()}
    ended = run(LIMITED, 1000, *(word for place in places.items() for word in place))
    assert ended.returncode == 0, ended.stderr
    errors = ended.stdout.splitlines()
    for place, error in zip(places.values(), errors, strict=True):
        assert str(place) in error and "File too large; it is as it was before" in error
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if (tmp_path / name).is_file()} == before
    assert not places["fresh"].exists()


def test_two_writers_wait_for_one_another(tmp_path):
    store = tmp_path / "store"
    save_store(corpus(1.0), store)
    writers = [
        subprocess.Popen([sys.executable, "-c", TWO, str(store), name], env={**os.environ, "PYTHONPATH": str(TESTS)})
        for name in ("a", "b")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    names = {spec.name for spec in open_store(store).feature_schema}
    assert names == {"x"} | {f"{who}{n}" for who in "ab" for n in range(10)}
