"""The README's commands and Python run, in their order, in one folder, as they stand there.

What is not as a reader has it: the MELD csv files, the IEMOCAP pickle, the recordings and `chat.csv` are invented (a block of the
README that shows chat.csv is taken instead); `merc data fetch` is left out, and the invented files lie in the folder that it would
fill (its own test talks to a server); training is shortened, the study has fewer arms, and adapting fewer depths; the shipped
model is exported, which has its graph already. The `make` lines are what continuous integration runs; of the `pip` lines, what they
name is looked up.
"""

import contextlib
import csv
import io
import pickle
import re
import shlex
import shutil
import tomllib
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from annotation import call
from annotation.recordings import encoded, wav
from studies.inline import in_this_process

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SHORT = ("training.epochs=1", "model.width=16", "training.device=cpu")
SHORT_STUDY = (
    "common={training: {epochs: 1, device: cpu}, model: {width: 16}}",
    "seeds={cmath: 1, strongest: 1, rivals: 1, ablations: 1}",
    "rivals=[majority, early-fusion]",
    "ablations=[deterministic]",
    "changes={}",
)
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$\n*(?:^```text\n(.*?)^```$)?", re.MULTILINE | re.DOTALL)
SENTENCES = (  # invented, with MELD's label
    ("That is wonderful news.", "joy"),
    ("You did what?", "surprise"),
    ("Pass the salt, please.", "neutral"),
    ("I am so sorry to hear that.", "sadness"),
    ("Get out of my kitchen!", "anger"),
    ("What is that smell?", "disgust"),
    ("There is someone at the window.", "fear"),
    ("Fine.", "neutral"),
)
CHAT = "speaker,transcript\nAnn,I got the job!\nBo,You did?\n"


def readme_blocks():
    """Language, body, and the body of a text block that follows, in the README's order."""
    return BLOCK.findall(README.read_text(encoding="utf-8"))


def write_csv(path, header, rows):
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)


def invent_meld(folder):
    """MELD's csv files, of 7 + 5 + 5 dialogues of three utterances, and the praat files beside them."""
    from merc.data.corpora.meld import PRAAT_COLUMNS

    folder.mkdir()
    random = np.random.default_rng(0)
    for prefix, dialogues in (("train", 7), ("dev", 5), ("test", 5)):
        words, numbers = [], []
        for dialogue in range(dialogues):
            for utterance in range(3):
                sentence, label = SENTENCES[(3 * dialogue + utterance) % len(SENTENCES)]
                words.append((sentence, ("Ann", "Bo")[utterance % 2], label, dialogue, utterance, "00:00:01,500", "00:00:02,250"))
                numbers.append((dialogue, utterance, *random.normal(size=len(PRAAT_COLUMNS)).round(3)))
        header = ("Utterance", "Speaker", "Emotion", "Dialogue_ID", "Utterance_ID", "StartTime", "EndTime")
        write_csv(folder / f"{prefix}_sent_emo.csv", header, words)
        write_csv(folder / f"{prefix}_praat.csv", ("Dialogue_ID", "Utterance_ID", *PRAAT_COLUMNS), numbers)


def invent_sdt_pickle(path):
    """`iemocap_multimodal_features.pkl` as SDT has it: a list of 12, with small vectors."""
    from merc.data.splits import COSMIC_VALIDATION

    random = np.random.default_rng(0)
    train = [f"Ses0{session}M_impro09" for session in (1, 2, 3, 4)] + sorted(COSMIC_VALIDATION)[:3]
    test = ["Ses05F_impro01", "Ses05M_impro01"]
    ids = [*train, *test]
    turns = range(4)

    def vectors(width):
        return {i: random.normal(size=(len(turns), width)).astype(np.float32) for i in ids}

    content = [
        {i: [f"{i}_F{t:03d}" for t in turns] for i in ids},
        {i: ["M", "F", "M", "F"] for i in ids},
        {i: [(place + t) % 6 for t in turns] for place, i in enumerate(ids)},
        *(vectors(8) for _ in range(4)),
        vectors(6),
        vectors(5),
        {i: ["Hm."] * len(turns) for i in ids},
        train,
        test,
    ]
    path.write_bytes(pickle.dumps(content))


def invent_recordings(folder):
    """A film with subtitles, a stereo call with Whisper's words, and a folder with both."""
    samples = call.stereo()
    (folder / "talk.mp4").write_bytes(encoded(samples, call.RATE, "mp4", layout="stereo", picture=True))
    (folder / "talk.srt").write_text(call.srt(), encoding="utf-8")
    (folder / "call.wav").write_bytes(wav(samples, call.RATE))
    (folder / "call.json").write_text(call.whisper(), encoding="utf-8")
    slots = {f"ts{n}": str(round(500 * seconds)) for n, seconds in enumerate(range(1, 7))}
    order = "".join(f'<TIME_SLOT TIME_SLOT_ID="{name}" TIME_VALUE="{time}"/>' for name, time in slots.items())
    words = "".join(
        f'<ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID="a{n}" TIME_SLOT_REF1="ts{2 * n}" TIME_SLOT_REF2="ts{2 * n + 1}">'
        f"<ANNOTATION_VALUE>{said}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>"
        for n, said in enumerate(("i am so happy today !", "why ?", "did you leave me ?"))
    )
    (folder / "session.eaf").write_text(
        '<?xml version="1.0" encoding="UTF-8"?><ANNOTATION_DOCUMENT AUTHOR="" DATE="" FORMAT="3.0" VERSION="3.0">'
        '<HEADER MEDIA_FILE="" TIME_UNITS="milliseconds"><MEDIA_DESCRIPTOR MEDIA_URL="" MIME_TYPE="video/mp4" '
        f'RELATIVE_MEDIA_URL="./talk.mp4"/></HEADER><TIME_ORDER>{order}</TIME_ORDER>'
        '<TIER LINGUISTIC_TYPE_REF="utterance" TIER_ID="Ann" '
        f'PARTICIPANT="Ann">{words}</TIER>'
        '<LINGUISTIC_TYPE LINGUISTIC_TYPE_ID="utterance" TIME_ALIGNABLE="true"/></ANNOTATION_DOCUMENT>'
    )
    (folder / "corrected").mkdir()
    for number in range(10):
        rows = "".join(f'Ann,"{said}",{label}\n' for said, label in (SENTENCES[number % 8], SENTENCES[(number + 1) % 8]))
        (folder / "corrected" / f"talk{number}.csv").write_text(f"speaker,words,emotion\n{rows}")
    (folder / "recordings").mkdir()
    for name in ("talk.mp4", "talk.srt", "call.wav", "call.json"):
        shutil.copyfile(folder / name, folder / "recordings" / name)


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    """The folder in which a reader of the README works: recipes, and the data that the commands name."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "recipes").symlink_to(ROOT / "recipes")
    (fetched,) = [line for line in shell_lines() if line[:4] == ["merc", "data", "fetch", "meld"]]
    invent_meld(folder / fetched[fetched.index("--out") + 1])
    invent_sdt_pickle(folder / "iemocap_multimodal_features.pkl")
    invent_recordings(folder)
    shown = [body for language, body, _ in readme_blocks() if language == "csv"]
    (folder / "chat.csv").write_text(shown[0] if shown else CHAT, encoding="utf-8")
    return folder


def shell_lines():
    """The commands of all shell blocks, as words; lines that end in a backslash are joined."""
    for language, body, _ in readme_blocks():
        if language in ("sh", "bash", "shell", "console"):
            for line in body.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words:
                    yield words


def run_line(words):
    from merc.cli import main

    if words[0] == "make":  # continuous integration runs it; here, that there is such a target
        assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE), words
        return
    if words[:2] == ["pip", "install"]:
        check_installable([word for word in words[2:] if not word.startswith(("-", "https:"))])
        return
    assert words[0] == "merc", f"the README shows a command that no test knows how to run: {words}"
    if words[1:3] == ["data", "fetch"]:
        return  # see above
    words = [replaced(word) for word in words]
    if words[1] == "train":
        words = [*words, *(part for option in SHORT for part in ("--set", option))]
    if words[1] == "study":
        words = [*words, *(part for option in SHORT_STUDY for part in ("--set", option))]
    if words[1] == "export":
        words[2] = "shipped"
    with in_this_process():
        assert main(words[1:]) == 0, " ".join(words)


def check_installable(named):
    """Extras that a clone has, or packages that the project asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    required = {re.match(r"[\w.-]+", line)[0] for line in (*project["dependencies"], *chain(*extras.values()))}
    for name in named:
        own = re.fullmatch(r"\.(?:\[([\w,]+)\])?", name)
        assert set((own[1] or "").split(",")) - {""} <= set(extras) if own else name in required, name


def replaced(word):
    """The word, or in place of `$(merc ...)` what that prints."""
    from merc.cli import main

    if not (inner := re.fullmatch(r"\$\(merc (.+)\)", word)):
        return word
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert main(shlex.split(inner[1])) == 0, word
    return printed.getvalue().strip()


def run_python(body, monkeypatch):
    """Runs a block and gives what it prints; recipes that it loads are shortened."""
    from merc.training import recipe as config

    whole = config.load_recipe
    monkeypatch.setattr(config, "load_recipe", lambda path, options=(): whole(path, [*options, *SHORT]))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(body, "README.md", "exec"), {"__name__": "__main__"})
    return printed.getvalue()


def test_the_readme_works_from_top_to_bottom(workplace, monkeypatch, capfd):
    monkeypatch.chdir(workplace)
    monkeypatch.setenv("MERC_CACHE", str(workplace / "cache"))
    monkeypatch.setattr("merc.runs.adaptation.run.DEPTHS", ("none", "calibration"))
    for words in shell_lines():
        run_line(words)
    assert (workplace / "store/meld/manifest.json").is_file() and (workplace / "runs/meld/model").is_dir()
    table = capfd.readouterr().out
    assert all(name in table for name in ("Ann", "Bo")), "merc predict prints the chat"
    assert "Mara" in table and (workplace / "talk.emotions.html").is_file() and (workplace / "recordings/emotions.jsonl").is_file()

    for option in re.findall(r"`(?:merc evaluate )?(--(?:without|only|corrupt) [^`]+)`", README.read_text(encoding="utf-8")):
        run_line(["merc", "evaluate", "runs/meld", *shlex.split(option)])

    for language, body, shown in readme_blocks():
        if language == "python":
            printed = run_python(body, monkeypatch)
            if shown:
                assert len(printed.splitlines()) == len(shown.splitlines()), printed


def test_the_readme_shows_commands_and_python():
    lines = list(shell_lines())
    assert {words[1] for words in lines if words[0] == "merc"} >= {"annotate", "data", "features", "train", "evaluate", "predict"}
    assert {words[1] for words in lines if words[0] == "make"} >= {"demo", "test"}
    assert any(language == "python" for language, _, _ in readme_blocks())
