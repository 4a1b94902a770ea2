"""Every command where its surroundings are against it: success or one line, never a traceback, and no result lost."""

import errno
import hashlib
import json
import os
import signal
import stat
import sys
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml

from cli.command_lines import CHAT, COMMANDS
from file_server import serving
from merc.cli import main
from merc.cli.terminal import open_streams
from merc.data.corpora.fetch import PUBLISHED, PublishedFiles
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
from merc.data.store.store import save_store
from merc.files.posix import POSIX
from merc.runs.demo import demo_recipe
from merc.synthetic.conversations import SyntheticConfig
from studies.inline import in_this_process

pytestmark = pytest.mark.skipif(not POSIX, reason="not POSIX")
TINY = {"model": {"name": "majority"}, "training": {"epochs": 1, "device": "cpu"}}
WRITTEN = {  # what a command that succeeds leaves
    **dict.fromkeys(("import", "plant", "synthesise"), "new/manifest.json"),
    **dict.fromkeys(("train", "demo"), "new/run.json"),
    "study": "new/report.html",
    "adapt": "new/model/adaptation.json",
    **dict.fromkeys(("report", "report-transcripts"), "study/report.html"),
    "fetch": "new/letters.csv",
    **dict.fromkeys(("evaluate", "predict"), "p.csv"),
    "annotate": "new/talk.emotions.json",
    "annotate-folder": "new/emotions.jsonl",
    "sample": "new/README.txt",
}
STUDY = {
    "about": "Small.",
    "base": "base.yaml",
    "seeds": {"cmath": 1, "strongest": 1, "rivals": 1, "ablations": 1},
    "strongest": 1,
    "rivals": [],
    "ablations": [],
    "robustness": {"drop": [0.5], "noise": []},
}
CMATH = {
    "model": {"width": 8, "attention": {"heads": 2}, "reconstruction": {"hidden": 4}, "fusion": {"latent": 4}},
    "training": TINY["training"],
}
MISTAKEN = ("report-nowhere",)
LETTERS = {"/letters.csv": b"id,text\n1,a\n"}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A store, a run on it, a transcript and a folder of one."""
    folder = tmp_path_factory.mktemp("surroundings")
    spec = FeatureSpec(modality="audio", name="tone", dimension=3)
    random = np.random.default_rng(0)
    turns = tuple(Utterance(str(t), "AB"[t % 2], words="why ?", label=("calm", "cross")[t % 2]) for t in range(4))
    talks = tuple(Conversation(f"c{i}", turns, {spec.key: random.standard_normal((4, 3)).astype(np.float32)}) for i in range(6))
    split = Split("official", {"train": ("c0", "c1"), "validation": ("c2", "c3"), "test": ("c4", "c5")})
    corpus = Corpus("chats", LabelSet(names=("calm", "cross")), (spec,), talks, {"official": split}, {"synthetic": True})
    save_store(corpus, folder / "store")
    ten = tuple(replace(talks[0], id=f"c{i}") for i in range(10))
    save_store(replace(corpus, conversations=ten, splits={}), folder / "own")
    (folder / "chat.jsonl").write_text(json.dumps(CHAT) + "\n")
    (folder / "talks").mkdir()
    for name in ("talk.csv", "talks/talk.csv"):
        (folder / name).write_text("speaker,words\nAnn,why ?\n")
    data = {"data": {"store": str(folder / "store")}}
    for name, content in (("recipe", {**TINY, **data}), ("base", {**CMATH, **data}), ("study", STUDY)):
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    for name, out in (("recipe", "run"), ("base", "cmath")):
        assert main(["train", str(folder / f"{name}.yaml"), "--out", str(folder / out)]) == 0
    with in_this_process():
        assert main(["study", str(folder / "study.yaml"), "--out", str(folder / "study")]) == 0
    return folder


@pytest.fixture(scope="module")
def mirror():
    with serving(LETTERS) as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def place(made, mirror, tmp_path, monkeypatch):
    """A folder of one's own with all of it, as the working folder; the encoder and the speech synthesiser are not there."""
    import shutil

    shutil.copytree(made, tmp_path / "place")
    monkeypatch.chdir(tmp_path / "place")
    monkeypatch.setenv("MERC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("merc.annotation.sample.shutil.which", lambda _name: None)
    monkeypatch.setattr("merc.encoders.text.sentence.text_encoder", lambda _name: Lengths())
    monkeypatch.setattr("merc.runs.adaptation.run.DEPTHS", ("none", "calibration"))
    monkeypatch.setattr("merc.runs.demo.CORPUS", SyntheticConfig(train=2, validation=1, test=1, length=(8, 9)))
    demo = demo_recipe()
    short = demo.model_copy(update={"training": demo.training.model_copy(update={"epochs": 1})})
    monkeypatch.setattr("merc.runs.demo.demo_recipe", lambda: short)
    letters = {name.removeprefix("/"): hashlib.sha256(content).hexdigest() for name, content in LETTERS.items()}
    monkeypatch.setitem(PUBLISHED, "letters", PublishedFiles(mirror, letters))
    monkeypatch.setitem(COMMANDS, "fetch", [*COMMANDS["fetch"], mirror])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with in_this_process():
        yield tmp_path / "place"


class Lengths:
    """An encoder of texts: their length."""

    modality, name, version, dimension, licence = "text", "lengths", "1", 1, "MIT"

    def encode(self, texts, progress=None):
        return np.array([[len(text or "")] for text in texts], dtype=np.float32)


def contents(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name != "log.jsonl"}


def check(command, code, err):
    """Success, or one line."""
    errors = [line for line in err.splitlines() if line.startswith("error: ")]
    assert code in (0, 1, 2) and "Traceback" not in err
    assert len(errors) <= 1 and (code != 0 or not errors), err
    if code == 0 and command in WRITTEN:
        assert Path(WRITTEN[command]).is_file()
    if not Path("new").is_dir() and command in ("import", "plant", "synthesise", "train", "annotate"):
        assert code == 2


@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(place, capsys, monkeypatch, command):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = contents(place)
    monkeypatch.setattr(os, "fsync", full)
    code = main(COMMANDS[command])
    err = capsys.readouterr().err
    check(command, code, err)
    if command in WRITTEN or command in ("probe", "features"):
        assert code == 2 and "No space left on device" in err
    left = contents(place) - before - {"new"}  # a folder of results is kept where it is to be shared by several
    assert not [name for name in left if Path(name).is_file()]


@pytest.mark.parametrize("command", [*WRITTEN, "probe", "features"])
def test_a_batch_system_that_ends_it(place, monkeypatch, command):
    """SIGTERM amid a write: nothing half-written is left, and a training is kept to be gone on with."""

    told = []

    def tell(_descriptor):
        if not told:
            told.append(True)
            signal.raise_signal(signal.SIGTERM)

    before = contents(place)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", tell)
        assert main(COMMANDS[command]) == 128 + signal.SIGTERM
    left = {name for name in contents(place) - before if Path(name).is_file()}
    if command in ("train", "study"):
        assert not [name for name in left if name.endswith(".tmp")]
    else:
        assert not left


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
@pytest.mark.parametrize("command", COMMANDS)
def test_an_output_that_nobody_reads(place, capsys, monkeypatch, command, stream):
    reading, writing = os.pipe()
    os.close(reading)
    with suppress(BrokenPipeError), os.fdopen(writing, "w") as gone, monkeypatch.context() as patch:
        patch.setattr(sys, stream, gone)
        code = main(COMMANDS[command])
    check(command, code, capsys.readouterr().err)
    assert code == (2 if command in MISTAKEN else 0) or (command, code) == ("help", 1)  # click's own


@pytest.mark.parametrize("command", COMMANDS)
def test_a_narrow_terminal_no_home_and_another_users_umask(place, capsys, monkeypatch, command):
    monkeypatch.setenv("COLUMNS", "20")
    for name in ("HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    before = os.umask(0o077)
    try:
        code = main(COMMANDS[command])
    finally:
        os.umask(before)
    check(command, code, capsys.readouterr().err)
    assert code == (2 if command in MISTAKEN else 0)
    if command in WRITTEN:
        assert stat.S_IMODE(Path(WRITTEN[command]).stat().st_mode) == 0o600


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
@pytest.mark.parametrize("command", COMMANDS)
def test_names_that_are_not_utf8(place, capsysbinary, command):
    """Of all files and folders that the command line names."""

    def odd(name):
        place, _, _ = name.partition("/")
        return name.replace(place, f"{Path(place).stem}\udcff{Path(place).suffix}", 1)

    verb, *words = COMMANDS[command]
    names = {word for word in words if Path(word).exists() or word in ("new", "p.csv")}
    for name in names:
        if Path(name).exists():
            Path(name).rename(odd(name))
    code = main([verb, *(odd(word) if word in names else word for word in words)])
    assert code == (2 if command in MISTAKEN else 0), capsysbinary.readouterr().err
    if command in WRITTEN:
        written = {path.relative_to(place).as_posix().replace("\udcff", "") for path in place.rglob("*")}
        assert WRITTEN[command] in written


@pytest.mark.parametrize(
    ("command", "private", "kept"),
    [
        ("import", "chat.jsonl", "new"),
        ("plant", "store", "new"),
        ("probe", "store", "store"),
        ("features", "store", "store"),
        ("evaluate", "store", "p.csv"),
        ("predict", "chat.jsonl", "p.csv"),
        ("annotate", "talk.csv", "new"),
        ("annotate-folder", "talks", "new"),
        ("report-transcripts", "store", "study/report.html"),
    ],
)
def test_what_was_private_stays_private(place, command, private, kept):
    own = [place / private, *(place / private).rglob("*")]
    for path in own:
        path.chmod(0o700 if path.is_dir() else 0o600)
    before = os.umask(0o022)
    try:
        assert main([*COMMANDS[command], *(["--store", "store"] if command in ("evaluate", "report-transcripts") else [])]) == 0
    finally:
        os.umask(before)
    made = [path for path in (place / kept, *(place / kept).rglob("*")) if path.is_file()]
    assert made and {stat.S_IMODE(path.stat().st_mode) for path in made} == {0o600}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_that_can_only_be_read(place, capsys, monkeypatch, command):
    """As the system would answer; the tests may run as a user whom no folder refuses."""
    opened, made = os.open, os.mkdir

    def refuse(call):
        def refusing(path, *arguments, **more):
            flags = arguments[0] if arguments and call is opened else os.O_CREAT
            if flags & os.O_CREAT and str(place) in str(Path(os.fsdecode(path)).absolute()):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return call(path, *arguments, **more)

        return refusing

    before = contents(place)
    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse(opened))
        patch.setattr(os, "mkdir", refuse(made))
        code = main(COMMANDS[command])
    err = capsys.readouterr().err
    check(command, code, err)
    if command in WRITTEN or command in ("probe", "features"):
        assert code == 2 and "Permission denied" in err
    assert contents(place) == before


def test_streams_that_are_closed_become_the_null_device(monkeypatch):
    kept = [os.dup(number) for number in range(3)]
    try:
        for number, name in enumerate(("stdin", "stdout", "stderr")):
            os.close(number)
            monkeypatch.setattr(sys, name, None)
        open_streams()
        assert all(os.fstat(number).st_rdev == Path(os.devnull).stat().st_rdev for number in range(3))
        print("nowhere")
    finally:
        for number, copy in enumerate(kept):
            os.dup2(copy, number)
            os.close(copy)
