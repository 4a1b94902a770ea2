"""SIGKILL at every step of a change, and at random moments: the store is the old one or the new one, whole.

A process of its own forks a writer for each step; an audit hook kills the writer when it makes its n-th call to the file system.
A second process meets a real limit of the kernel's on file sizes, as a full disk would be.
"""

import random
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.splits import by_parts
from merc.data.store.store import add_features, open_store, save_store, update_notes

COMMON = """
import errno, os, resource, signal, sys, time
from pathlib import Path
import numpy as np
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.splits import by_parts
from merc.data.store.store import add_features, save_store, update_notes
from merc.errors import StoreError

def corpus(value, rows=12, dimension=32):
    turns = tuple(Utterance(str(i), "A", "calm", f"{value}") for i in range(rows))
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
    "fresh": lambda folder: save_store(corpus(2.0), folder),
    "overwrite": lambda folder: save_store(corpus(2.0), folder, overwrite=True),
    "add": lambda folder: add_features(folder, TEXT, text(2.0)),
    "replace": lambda folder: add_features(folder, FeatureSpec(modality="audio", name="x", dimension=8), text(2.0), overwrite=True),
    "notes": lambda folder: update_notes(folder, {"value": 2.0}),
}
"""

STEPS = (
    COMMON
    + """
CALLS = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "fcntl.flock", "os.scandir", "os.listdir"}
change, folders = CHANGES[sys.argv[1]], [Path(name) for name in sys.argv[3:]]
# A first store of its own: libraries load on first use (Arrow imports pandas where it is installed), and loading is no step.
save_store(corpus(0.0), Path(sys.argv[2]))
for step, folder in enumerate(folders, start=1):
    child = os.fork()
    if child == 0:
        left = [step]
        def hook(event, arguments):
            if event in CALLS:
                left[0] -= 1
                if left[0] == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hook)
        change(folder / "store")
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(step, "killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
"""
)

LOOP = (
    COMMON
    + """
folder = Path(sys.argv[1])
for number in range(1, 100000):
    save_store(corpus(float(number)), folder, overwrite=True)
    add_features(folder, TEXT, text(float(number)))
    update_notes(folder, {"text": float(number)})
    if number == 1:
        print("ready", flush=True)
"""
)

LIMITED = (
    COMMON
    + """
change, folder, limit = CHANGES[sys.argv[1]], Path(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    change(folder)
except StoreError as error:
    print(error)
    sys.exit(2)
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
    return subprocess.run([sys.executable, "-c", script, *map(str, arguments)], capture_output=True, text=True, timeout=100)


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


@pytest.mark.parametrize("change", ["fresh", "overwrite", "add", "replace", "notes"])
def test_a_writer_killed_at_any_step_leaves_the_old_store_or_the_new(tmp_path, change):
    steps = 44
    old = tmp_path / "old"
    if change != "fresh":
        save_store(corpus(1.0), old)
    folders = [tmp_path / f"step{step}" for step in range(1, steps + 1)]
    for folder in folders:
        folder.mkdir()
        if change != "fresh":
            shutil.copytree(old, folder / "store")
    ended = run(STEPS, change, tmp_path / "first", *folders)
    assert ended.returncode == 0, ended.stderr
    killed = [line.endswith("killed") for line in ended.stdout.splitlines()]
    assert killed[0] and not killed[-1], f"too few steps were tried: {ended.stdout}"
    before = None if change == "fresh" else state(old)
    after = state(folders[-1] / "store")
    assert before != after
    seen = []
    for folder in folders[: killed.index(False)]:
        store = folder / "store"
        found = state(store) if store.exists() else None
        assert found in (before, after), f"{folder.name}: neither the old store nor the new"
        seen.append(found == after)
        if len(seen) % 4:
            continue
        # The next writer works, and sweeps what the dead one left.
        save_store(corpus(5.0), store, overwrite=True)
        update_notes(store, {"value": 6.0})
        assert state(store) == ({"audio/x": [5.0], "transcripts": [5.0]}, {"value": 6.0})
        assert len(files(folder)) == 5, files(folder)
    assert seen == sorted(seen), "once new, the store stays new"
    assert not seen[0]


def test_a_writer_killed_at_random_moments(tmp_path):
    generator = random.Random(0)
    store = tmp_path / "store"
    save_store(corpus(0.0), store)
    for _ in range(5):
        with subprocess.Popen([sys.executable, "-c", LOOP, str(store)], stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            writer.stdout.readline()
            time.sleep(generator.uniform(0.0, 0.3))
            writer.send_signal(signal.SIGKILL)
        told, notes = state(store)
        value = notes["value"]
        assert told["audio/x"] == told["transcripts"] == [value]
        assert told.get("text/t", [value]) == [value]
        assert notes.get("text", value) == value
        assert "text/t" in told or "text" not in notes
    add_features(store, FeatureSpec(modality="text", name="z", dimension=1), {})
    update_notes(store, {"a": 1})
    assert not [name for name in files(tmp_path) if ".merc-" in name]


@pytest.mark.parametrize("change", ["fresh", "overwrite", "add"])
def test_a_real_limit_on_file_size_is_a_clear_error(tmp_path, change):
    store = tmp_path / "store"
    if change != "fresh":
        save_store(corpus(1.0), store)
    before = {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if (tmp_path / name).is_file()}
    ended = run(LIMITED, change, store, 1000)
    assert ended.returncode == 2, ended.stderr
    assert "File too large; it is as it was before" in ended.stdout
    assert {name: (tmp_path / name).read_bytes() for name in files(tmp_path) if (tmp_path / name).is_file()} == before
    assert store.exists() == (change != "fresh")


def test_two_writers_wait_for_one_another(tmp_path):
    store = tmp_path / "store"
    save_store(corpus(1.0), store)
    writers = [subprocess.Popen([sys.executable, "-c", TWO, str(store), name]) for name in ("a", "b")]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    names = {spec.name for spec in open_store(store).feature_schema}
    assert names == {"x"} | {f"{who}{n}" for who in "ab" for n in range(10)}
