"""The documentation tells the truth: fields, layouts, recipes, links, examples, commands and the file tree."""

import contextlib
import io
import json
import re
import shlex
import tomllib
import typing
from pathlib import Path

import numpy as np
import pytest
import typer
import yaml

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(path, language):
    return [body for found, body in BLOCK.findall(path.read_text(encoding="utf-8")) if found == language]


def without_code(text):
    return re.sub(r"`[^`\n]*`", "", BLOCK.sub("", text))


def anchors(path):
    headings = re.findall(r"^#+ (.+)$", BLOCK.sub("", path.read_text(encoding="utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def settings_within(model):
    """A settings class and all that its fields hold, at any depth."""
    from pydantic import BaseModel

    found, pending = [], [model]
    while pending:
        current = pending.pop()
        if isinstance(current, type) and issubclass(current, BaseModel):
            if current not in found:
                found.append(current)
                pending.extend(field.annotation for field in current.model_fields.values())
        else:
            pending.extend(typing.get_args(current))
    return found


def documented_fields(page, heading):
    """The fields in the table below a heading."""
    section = re.search(rf"^### {heading}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert section is not None, f"no section {heading!r}"
    return re.findall(r"^\| `(\w+)` \|", section.group(1), re.MULTILINE)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_relative_links_lead_somewhere(path):
    for target in LINK.findall(without_code(path.read_text(encoding="utf-8")).replace("\n", " ")):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        file = path.parent / name if name else path
        assert file.exists(), f"{path.name} links to {target}"
        if anchor:
            assert anchor in anchors(file), f"{path.name} links to {target}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_nothing_is_left_to_be_filled_in(path):
    assert re.findall(r"\b[A-Z]+_(?:SECTION|TABLES?)\b|\bTODO\b", path.read_text(encoding="utf-8")) == []


def test_every_field_of_a_report_is_documented_and_no_other():
    from merc.evaluation.report import EvaluationReport

    page = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    records = settings_within(EvaluationReport)
    assert len(records) == 9
    for record in records:
        assert documented_fields(page, record.__name__) == list(record.model_fields), record.__name__


def test_the_report_shown_is_one():
    from merc.evaluation.report import EvaluationReport

    (shown,) = blocks(DOCS / "evaluation.md", "json")
    report = EvaluationReport.model_validate_json(shown)
    assert report.model_dump(mode="json") == json.loads(shown)
    for scores in (report.coarse, *report.levels.values()):
        assert sum(map(sum, scores.confusion)) == scores.utterances
        right = sum(row[i] for i, row in enumerate(scores.confusion))
        assert scores.accuracy == pytest.approx(right / scores.utterances, abs=1e-4)


def test_what_predict_prints_as_json_is_documented():
    from dataclasses import fields

    from merc.inference.predictions import JudgedConversation, JudgedUtterance

    page = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    section = page[page.index("## `merc predict --json`") : page.index("## The flat table")]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == [field.name for field in fields(JudgedUtterance)]
    assert all(f"`{field.name}`" in section for field in fields(JudgedConversation))


def test_the_runs_files_are_documented():
    from dataclasses import fields

    from merc.inference import recogniser
    from merc.runs import folder as run
    from merc.training.loop import EpochRecord

    page = (DOCS / "evaluation.md").read_text(encoding="utf-8")
    files = [run.RECIPE, run.STATUS, run.METRICS, run.CHECKPOINT, f"{run.MODEL}/", run.LOG]
    section = page[page.index("## The run's folder") : page.index("## `merc predict")]
    assert re.findall(r"^\| `([\w.]+/?)` \|", section, re.MULTILINE) == files
    for name in (
        *(field.name for field in fields(EpochRecord)),
        recogniser.WEIGHTS,
        recogniser.CONFIG,
        recogniser.CARD,
        recogniser.CHECKSUMS,
    ):
        assert f"`{name}`" in page, name


def test_every_layout_is_documented_and_no_other():
    from merc.annotation.labelled.folder import LAYOUT
    from merc.data.formats.importing import LAYOUTS

    page = (DOCS / "data.md").read_text(encoding="utf-8")
    table = page[page.index("| layout |") : page.index("### MELD")]
    assert re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE) == [*(layout.name for layout in LAYOUTS), LAYOUT]


def test_every_verdict_mapping_and_encoder_is_documented():
    from merc.data.corpora.meld import PRAAT_COLUMNS
    from merc.data.labels import SHIPPED
    from merc.data.probe import Verdict
    from merc.encoders.registry import BUNDLED

    page = (DOCS / "data.md").read_text(encoding="utf-8")
    names = (*typing.get_args(Verdict), *(mapping.name for mapping in SHIPPED), *BUNDLED, *PRAAT_COLUMNS)
    assert [name for name in names if f"`{name}`" not in page] == []


def test_the_standard_planting_is_the_documented_one():
    from merc.cli.options import parse_stream
    from merc.synthetic.planting import STANDARD

    page = (DOCS / "data.md").read_text(encoding="utf-8")
    shown = re.search(r"`(--stream [^`]+)`", page)
    assert shown is not None
    assert tuple(parse_stream(word) for word in shown.group(1).split() if word != "--stream") == STANDARD


def test_extras_that_are_named_exist():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        installed = re.findall(r"(?:merc|'\.)\[([\w,]+)\]", text)
        named = {*",".join(installed).split(","), *re.findall(r"extras?\s+`(\w+)`", text)} - {""}
        assert named <= set(extras), f"{path.name} names {named - set(extras)}"


def test_the_example_without_merc_gives_what_merc_does(tmp_path, monkeypatch):
    import merc
    from merc.inference.exported import export

    model = merc.load("shipped")
    export(model, tmp_path / "x.onnx")
    monkeypatch.chdir(tmp_path)
    (program,) = blocks(DOCS / "onnx.md", "python")
    assert "merc" not in program
    (shown,) = blocks(DOCS / "onnx.md", "text")
    names, printed = {}, io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, "docs/onnx.md", "exec"), names)
    assert len(printed.getvalue().splitlines()) == len(shown.splitlines())
    keys = {spec.modality: spec.key for spec in model.preprocessor.specs}
    given = [
        merc.Conversation(
            str(number),
            tuple(merc.Utterance(str(turn), speaker) for turn, speaker in enumerate(each["speakers"])),
            {key: each[modality].astype(np.float32) for modality, key in keys.items()},
        )
        for number, each in enumerate(names["conversations"])
    ]
    for judged, found in zip(model.judge(given), names["probabilities"], strict=True):
        wanted = [[u.probabilities[label] for label in model.label_set.names] for u in judged.utterances]
        np.testing.assert_allclose(found[: len(wanted)], wanted, rtol=0, atol=1e-6)


def test_every_key_of_an_exported_models_description_is_documented(tmp_path):
    import merc
    from merc.inference.exported import export

    _, path = export(merc.load("shipped"), tmp_path / "x.onnx")
    page = (DOCS / "onnx.md").read_text(encoding="utf-8")
    section = page[page.index("| key of `x.json` |") : page.index("The network's inputs, for")]
    assert re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (.+?) \|", section, re.MULTILINE)[1:])) == list(
        json.loads(path.read_text())
    )


def test_every_recipe_is_mentioned():
    pages = "\n".join(path.read_text(encoding="utf-8") for path in PAGES)
    assert [path.name for path in (ROOT / "recipes").glob("*.yaml") if f"recipes/{path.name}" not in pages] == []


def test_the_open_formats_examples_can_be_imported(tmp_path, monkeypatch):
    from merc.data.formats.importing import import_corpus

    (lines,) = blocks(DOCS / "data.md", "jsonl")
    (tmp_path / "chats.jsonl").write_text(lines, encoding="utf-8")
    corpus = import_corpus(tmp_path / "chats.jsonl")
    assert [c.id for c in corpus.conversations] == ["c1", "c2", "c3"]
    assert [spec.key for spec in corpus.feature_schema] == ["audio/mine"]
    assert corpus.feature_schema[0].encoder == "my-encoder"

    (program,) = blocks(DOCS / "data.md", "python")
    monkeypatch.chdir(tmp_path)
    exec(compile(program, "docs/data.md", "exec"), {})
    table = import_corpus(tmp_path / "chats.parquet")
    assert [len(c) for c in table.conversations] == [2, 1, 1]
    assert {part: list(ids) for part, ids in table.splits["official"].parts.items()} == {
        "train": ["c1"],
        "validation": ["c2"],
        "test": ["c3"],
    }


def test_the_label_mapping_and_the_chat_can_be_read(tmp_path):
    from merc.annotation.transcripts.conversations import read_conversations
    from merc.data.labels import find_mapping

    (mapping,) = blocks(DOCS / "data.md", "yaml")
    (tmp_path / "valence.yaml").write_text(mapping, encoding="utf-8")
    assert find_mapping(str(tmp_path / "valence.yaml")).mapping == yaml.safe_load(mapping)["mapping"]
    (chat,) = blocks(DOCS / "data.md", "csv")
    (tmp_path / "chat.csv").write_text(chat, encoding="utf-8")
    (conversation,) = read_conversations(tmp_path / "chat.csv").conversations
    assert [u.speaker for u in conversation.utterances] == ["Ann", "Bo"]


def commands_shown():
    """Every `merc ...` in code, with the page it stands on."""
    for path in PAGES:
        text = path.read_text(encoding="utf-8")
        lines = [line.strip() for _, body in BLOCK.findall(text) for line in body.splitlines()]
        lines += [line.strip() for line in text.splitlines() if line.startswith("    merc ")]
        lines += [" ".join(span.split()) for span in re.findall(r"`(merc [^`]+)`", BLOCK.sub("", text))]
        for line in lines:
            if line.startswith("merc "):
                yield pytest.param(line, id=f"{path.name}: {line}"[:80])


@pytest.mark.parametrize("line", list(commands_shown()))
def test_commands_and_options_exist(line):
    from merc.cli import app

    words = shlex.split(re.sub(r"[\[\]|]", " ", line), comments=True)[1:]
    command = typer.main.get_command(app)
    while words and isinstance(getattr(command, "commands", None), dict) and words[0] in command.commands:
        command = command.commands[words.pop(0)]
    assert not getattr(command, "commands", None) or not words or words[0].startswith("-"), f"{line}: no command {words[:1]}"
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert [word for word in words if word.startswith("--") and word not in known] == []


def tree():
    """The paths of the README's file tree: two blanks a level, then the name."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text[text.index("## Where things are") :]
    (body,) = [body for _, body in BLOCK.findall(section[: section.index("\n## ")])]
    parents = []
    for line in body.splitlines():
        depth = (len(line) - len(line.lstrip())) // 2
        parents = [*parents[:depth], line.split()[0].rstrip("/")]
        yield "/".join(parents)


def test_the_file_tree_is_true_and_whole():
    shown = list(tree())
    assert [path for path in shown if not (ROOT / path).exists()] == []
    folders = {path for path in (ROOT / "src/merc").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert {path.relative_to(ROOT).as_posix() for path in folders} - set(shown) == set()
