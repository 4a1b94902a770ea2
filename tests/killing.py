"""Kills commands of merc at their writes: `python tests/killing.py HOME MOST [COMMAND ...]` prints a line of JSON for each command.

Each command runs once to its end, which counts its writes: files that are opened to be written, renames, removals, folders, syncs,
and data written by halves. Then it is killed at MOST of them, evenly spread, each time from the same start, and run again as a
person would. Every run is a fork of this process, which has loaded what they need; none has a backward pass before its fork.

What must hold: after the kill, every file is the old one or the new one, and none is gone; after the second run, all is as if
nothing had happened, and nothing else is left.
"""

import argparse
import importlib
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from annotation.call import RATE, srt, stereo
from annotation.recordings import wav
from fault_points import Fuse, set_points
from labelled_talks import talks_with_audio
from merc.cli import main
from merc.data.store.store import save_store
from merc.synthetic.conversations import SyntheticConfig
from open_formats import write_jsonl
from studies.inline import in_this_process
from tiny_text_model import build_plain

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "os.truncate", "os.link", "os.symlink")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
CACHE = "cache"  # of features, beside a run's folder
RECIPE = """\
about: Small.
data: {store: STORE, features: {text: plain, audio: praat}}
model: {width: 8, attention: {heads: 2, max_distance: 3}, reconstruction: {hidden: 7}, fusion: {latent: 6}}
training: {epochs: 2, batch_conversations: 6, device: cpu}
"""
TUNED = """\
about: With a tuned encoder.
data: {store: STORE, features: {text: tuned, audio: praat-relative}}
text_tuning: {encoder: HOME/kept, base: HOME/plain, rank: 2, epochs: 1, folds: 2, batch_utterances: 8}
model: {width: 8, attention: {heads: 2, max_distance: 3}, reconstruction: {hidden: 7}, fusion: {latent: 6}}
training: {epochs: 1, batch_conversations: 6, device: cpu}
"""
STUDY = """\
about: A small study.
base: small.yaml
seeds: {cmath: 1, strongest: 1, rivals: 1, ablations: 1}
strongest: 1
rivals: [majority]
ablations: []
robustness: {drop: [0.5], noise: [1.0]}
"""
MAJORITY = "about: Always the most frequent class.\nmodel: {name: majority}\nobjective: {class_weights: none}\n"


@dataclass(frozen=True)
class Command:
    """A command that is killed.

    Attributes:
        start: fills the folder that it works in.
        words: the command, in that folder; HOME stands for the folder of what all share.
        again: the command by which a person goes on, if it is another one.
        maybe: ends of names of files that need not be there at the end: what a killed session cost is not known.
        growing: ends of names of files that may be at any state while the command is not at its end.
        varying: ends of names of files that differ from run to run, since they tell times.
    """

    start: Callable[[Path, Path], None]
    words: str
    again: str = ""
    maybe: tuple[str, ...] = ()
    growing: tuple[str, ...] = ()
    varying: tuple[str, ...] = ()


def nothing(_home, _folder):
    pass


def lines(_home, folder):
    write_jsonl(talks_with_audio(), folder / "made.jsonl")


def store(_home, folder):
    save_store(talks_with_audio(), folder / "store")


def other_store(home, folder):
    lines(home, folder)
    shutil.copytree(home / "store", folder / "store")


def run(home, folder):
    shutil.copytree(home / "run", folder / "run")
    lines(home, folder)


def recordings(home, folder):
    for name in ("a", "b"):
        shutil.copyfile(home / "talk.wav", folder / f"{name}.wav")
        (folder / f"{name}.srt").write_text(srt())
    (folder / "chat.csv").write_text("speaker,words\nAnn,i am so happy\nBo,why ?\n")


RUN_FILES = ("metrics.jsonl", "run.json", "recipe.yaml", "checkpoint.safetensors", "log.jsonl", "cost.jsonl")
COMMANDS = {
    "import": Command(lines, "data import made.jsonl --out store", again="data import made.jsonl --out store --overwrite"),
    "import over another": Command(other_store, "data import made.jsonl --out store --overwrite"),
    "features": Command(store, "features text store --encoder HOME/plain"),
    "train": Command(
        nothing,
        "train HOME/small.yaml --out run",
        again="train HOME/small.yaml --out run --resume",
        growing=RUN_FILES,
        varying=("run.json", "README.md", "config.json"),
    ),
    "evaluate": Command(run, "evaluate run --predictions judged.csv", varying=("log.jsonl",)),
    "predict": Command(run, "predict run made.jsonl --out judged.csv"),
    "annotate": Command(recordings, "annotate a.wav --model HOME/tuned --out out"),
    "annotate again": Command(recordings, "annotate a.wav --model HOME/tuned"),
    "annotate a folder": Command(
        recordings,
        "annotate . --model HOME/tuned --workers 1",
        growing=("emotions.jsonl",),
        varying=("emotions.jsonl",),
    ),
    "sample": Command(nothing, "sample out"),
    "demo": Command(nothing, "demo --out demo", varying=("run.json", "README.md", "config.json", "log.jsonl", "checksums.json")),
    "study": Command(
        nothing,
        "study HOME/study.yaml --out study --processes 2 --part validation",
        growing=(*RUN_FILES, "failure.json"),
        maybe=("cost.jsonl",),
        varying=("run.json", "README.md", "config.json", "safetensors", ".json", ".jsonl", ".parquet", ".md", ".html"),
    ),
}


def forked(act):
    """What a child that does it ends with: its exit code, or "killed"."""
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        try:
            os._exit(act() or 0)
        except BaseException:
            traceback.print_exc()
            os._exit(99)
    status = os.waitpid(pid, 0)[1]
    return "killed" if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def command(words, home, folder, said):
    """Does it in this process, which is a child's: in the folder, with what it says in a file."""
    os.chdir(folder)
    os.environ["MERC_CACHE"] = str(folder.parent / CACHE)
    log = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    with in_this_process():
        return main([word.replace("HOME", str(home)) for word in words.split()])


def dying(step, folder, counted, act):
    """Does it, and dies at a step; how many steps there were is written where it does not."""

    def is_write(event, arguments):
        if event == "open":
            path, mode, flags = arguments
            writes = set(mode) & set("wax+") if mode else (flags or 0) & WRITING
            if not writes or not isinstance(path, str | bytes):
                return False
        elif event not in CHANGES:
            return False
        in_open_folder = event in ("os.remove", "os.rmdir") and arguments[1] != -1  # as shutil.rmtree names what it removes
        return in_open_folder or Path(os.fsdecode(arguments[0])).absolute().is_relative_to(folder)

    fuse = Fuse(step)
    os.chdir(folder)
    set_points(fuse, is_write)
    code = act()
    if counted is not None:
        counted.write_text(str(fuse.count))
    return code


def content(folder):
    """Path -> bytes of all files, and None for folders."""
    found = {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}
    return dict(sorted(found.items()))


def faults_after_kill(known, before, straight, now):
    """What is half written or lost."""
    for name in before:
        if name not in now and name in straight:
            yield f"{name} is gone"
    for name, data in now.items():
        may = (before.get(name), straight.get(name))
        if name in straight and data not in may and not name.endswith((*known.growing, *known.varying)):
            yield f"{name} is neither the old nor the new one"


def faults_at_the_end(known, straight, now):
    """What differs from a run that nothing befell."""
    for name in sorted(straight.keys() ^ now.keys()):
        if name in straight and name.endswith(known.maybe):
            continue
        yield f"{name} is {'missing' if name in straight else 'left behind'}"
    for name in straight.keys() & now.keys():
        if straight[name] != now[name] and not name.endswith(known.varying):
            yield f"{name} has another content"


def kill(name, home, most):
    """Kills a command at so many steps; what was wrong."""
    known, wrong, place = COMMANDS[name], [], home / name.replace(" ", "-")
    counted = place / "steps"

    def fresh(number):
        folder = place / number / "work"
        folder.mkdir(parents=True)
        assert forked(lambda: known.start(home, folder)) == 0
        return folder, folder.parent / "said"

    folder, said = fresh("straight")
    before = content(folder)
    code = forked(lambda: dying(0, folder, counted, lambda: command(known.words, home, folder, said)))
    if code != 0:
        return {"command": name, "kills": 0, "wrong": [f"exit code {code}: {said.read_text()[-2000:]}"]}
    steps, straight = int(counted.read_text()), content(folder)
    chosen = sorted({round(x) for x in np.linspace(0, steps + 1, min(most, steps) + 2)[1:-1]})
    for step in chosen:
        folder, said = fresh(f"{step:04}")
        ended = forked(lambda: dying(step, folder, None, lambda: command(known.words, home, folder, said)))  # noqa: B023
        found = list(faults_after_kill(known, before, straight, content(folder)))
        if ended != "killed":
            found.append(f"ended with {ended}")
        code = forked(lambda: command(known.again or known.words, home, folder, said))  # noqa: B023
        if code != 0:
            found.append(f"again: exit code {code}: {said.read_text()[-400:]}")
        found += faults_at_the_end(known, straight, content(folder))
        if found:
            wrong.append(f"step {step}: {'; '.join(found)}")
        else:
            shutil.rmtree(folder.parent)
    return {"command": name, "steps": steps, "kills": len(chosen), "wrong": wrong}


def prepare(home):
    """What the commands share: a store, recipes, a run, a tuned model, the tiny text model."""
    save_store(talks_with_audio(), home / "store")
    build_plain(home / "plain")
    (home / "talk.wav").write_bytes(wav(stereo(), RATE))
    (home / "rivals").mkdir()
    (home / "ablations").mkdir()
    (home / "rivals" / "majority.yaml").write_text(MAJORITY)
    for name, text in (("small", RECIPE), ("tuned", TUNED), ("study", STUDY)):
        (home / f"{name}.yaml").write_text(text.replace("STORE", str(home / "store")).replace("HOME", str(home)))
    said = home / "said"
    for words in (
        "features text store --encoder HOME/plain",
        "train HOME/small.yaml --out run",
        "train HOME/tuned.yaml --out tuned",
    ):
        code = forked(lambda: command(words, home, home, said))  # noqa: B023
        assert code == 0, said.read_text()


def load():
    """Imports what the commands would import one by one."""
    import torch

    import merc.annotation.batch
    import merc.runs.demo

    for name in (
        "merc.runs.evaluation",
        "merc.runs.training",
        "merc.studies.report.files",
        "merc.studies.summary",
        "rich.progress",
        "sklearn.linear_model",
        "transformers.models.bert.modeling_bert",
    ):
        importlib.import_module(name)
    torch.set_num_threads(1)
    demo = merc.runs.demo.demo_recipe()
    demo = demo.model_copy(update={"training": demo.training.model_copy(update={"epochs": 1})})
    merc.runs.demo.demo_recipe = lambda: demo
    merc.runs.demo.CORPUS = SyntheticConfig(train=2, validation=1, test=1, length=(8, 9))
    merc.annotation.batch.SAVED_EVERY = 0.0  # the folder's table is written after every file, and not by the clock


def run_all():
    """The program."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("home", type=Path, help="an empty folder")
    parser.add_argument("most", type=int, help="kills of each command")
    parser.add_argument("commands", nargs="*", help=f"of {', '.join(COMMANDS)}; by default all")
    arguments = parser.parse_args()
    home = arguments.home.resolve()
    load()
    prepare(home)
    for name in arguments.commands or COMMANDS:
        print(json.dumps(kill(name, home, arguments.most)), flush=True)


if __name__ == "__main__":
    run_all()
