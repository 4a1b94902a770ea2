"""JSON Lines: what may be left out, and every fault named with file and line. Round trips stand in test_round_trips."""

import json
import math

import numpy as np
import pytest

import nesting
from merc.data.formats.json_lines import LAYOUT, read_json_lines
from merc.data.formats.layout import CorpusSource
from merc.errors import DataError

HEADER = {"merc": 1, "name": "chats", "labels": ["calm", "cross"], "features": [{"modality": "audio", "name": "x", "dimension": 2}]}


def turn(**more):
    return {"speaker": "Ann", "label": "calm", **more}


def written(folder, *lines, name="chats.jsonl"):
    path = folder / name
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_what_is_left_out_is_inferred(tmp_path):
    lines = [{"id": f"c{n}", "utterances": [turn(), turn(label="cross", features={"text/t": [1, None, 2.5]})]} for n in range(10)]
    source = CorpusSource(written(tmp_path, *lines))
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    assert corpus.name == "chats"
    assert corpus.label_set.names == ("calm", "cross")
    (spec,) = corpus.feature_schema
    assert (spec.key, spec.dimension, spec.encoder) == ("text/t", 3, "unknown")
    assert [len(corpus.splits["seeded"].parts[part]) for part in ("train", "validation", "test")] == [8, 1, 1]
    conversation = corpus.conversations[0]
    assert [u.id for u in conversation.utterances] == ["0", "1"]
    np.testing.assert_array_equal(conversation.features["text/t"], np.array([[math.nan] * 3, [1, math.nan, 2.5]], np.float32))


def test_features_stand_in_the_order_in_which_the_file_names_them_first(tmp_path):
    first, then = (
        turn(label="cross", features={"text/a": [1.0], "audio/b": [2.0]}),
        turn(features={"visual/c": [3.0], "audio/b": [2.0]}),
    )
    path = written(tmp_path, one(first), one(then) | {"id": "c2"}, one(then) | {"id": "c3"})
    assert [spec.key for spec in LAYOUT.read(CorpusSource(path)).feature_schema] == ["text/a", "audio/b", "visual/c"]


def test_a_header_rules_and_blank_lines_and_separators_do_no_harm(tmp_path):
    header = {**HEADER, "splits": {"mine": {"train": ["c"]}}, "notes": {"licence": "CC0"}}
    source = CorpusSource(written(tmp_path, "", header, "", {"id": "c", "utterances": [turn(transcript="a\u2028b\u0085c")]}))
    source.path.write_text(source.path.read_text().replace("\\u2028", "\u2028").replace("\\u0085", "\u0085"))
    assert LAYOUT.matches(source)
    corpus = LAYOUT.read(source)
    assert (corpus.name, list(corpus.splits), dict(corpus.notes)) == ("chats", ["mine"], {"licence": "CC0"})
    assert corpus.conversations[0].utterances[0].words == "a\u2028b\u0085c"


def test_a_byte_order_mark_is_let_through(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps({"id": "c", "utterances": [turn(), turn(label="cross")]}).encode())
    assert LAYOUT.matches(CorpusSource(path))
    assert LAYOUT.read(CorpusSource(path)).utterance_count == 2


def one(*turns, **more):
    return {"id": "c", "utterances": list(turns), **more}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([HEADER, "{"], "line 2: not valid JSON"),
        ([HEADER, "[1]"], r"line 2: found \[1\], expected one object"),
        ([HEADER, one(turn(labl="calm"))], r"line 2: unknown key 'utterances\.0\.labl'"),
        ([HEADER, one({"label": "calm"})], r"line 2: utterances\.0\.speaker: Field required"),
        ([HEADER, one(turn(speaker=7))], r"line 2: utterances\.0\.speaker: Input should be a valid string \(found: 7\)"),
        ([HEADER, one()], "line 2: conversation 'c' is empty"),
        ([HEADER, one(turn(id="u"), turn(id="u"))], "line 2: conversation 'c': utterance id 'u' occurs more than once"),
        ([HEADER, one(turn()), one(turn())], "conversation id 'c' occurs more than once"),
        ([HEADER, one(turn(label="hapy"))], "utterance '0': unknown label 'hapy'; allowed: calm, cross"),
        ([HEADER, one(turn(features={"audio/x": [1]}))], "line 2, utterance '0', feature audio/x: 1 numbers, expected 2"),
        ([one(turn(features={"a/b": []}))], "feature a/b: 0 numbers, expected one or more"),
        ([HEADER, one(turn(features={"audio/x": [1, "2"]}))], r"audio/x\.1: Input should be a valid number \(found: '2'\)"),
        ([HEADER, one(turn(features={"audio/x": [1, True]}))], r"audio/x\.1: Input should be a valid number"),
        (
            [HEADER, one(turn(features={"audio/x": [1, 1e39]}))],
            "utterance '0', feature audio/x: a number that is infinite, or too large for float32",
        ),
        ([HEADER, one(turn(features={"audio/x": [1, math.inf]}))], "finite number"),
        ([HEADER, one(turn(start=math.nan))], r"start: Input should be a finite number"),
        ([HEADER, one(turn(features={"text/y": [1]}))], "feature text/y is not in the schema; it has: audio/x"),
        ([one(turn(features={"Audio": [1]}), turn(label="cross"))], "feature 'Audio': .*expected the form 'modality/name'"),
        ([HEADER, '{"id": "c", "id": "d", "utterances": []}'], "line 2: not valid JSON: key 'id' occurs more than once"),
        ([HEADER, HEADER], "line 2: a header; it may stand on the first line only"),
        ([{**HEADER, "lables": []}], "header: unknown key 'lables'"),
        ([{**HEADER, "merc": 2}], "header: merc: Input should be 1"),
        ([{**HEADER, "labels": ["a"]}, one(turn(label=None))], "two or more different"),
        ([HEADER], "holds no conversation"),
        ([one(turn())], r"found 1 label\(s\) \['calm'\]; a corpus needs two or more, or a header"),
        ([{**HEADER, "splits": {"s": {"train": ["x"]}}}, one(turn())], "split 's', part 'train': unknown conversation 'x'"),
        ([HEADER, r'{"id": "c", "utterances": [{"speaker": "\ud800"}]}'], "line 2"),
    ],
)
def test_faults_are_named_with_file_and_line(tmp_path, lines, message):
    path = written(tmp_path, *lines)
    with pytest.raises(DataError, match=message) as caught:
        LAYOUT.read(CorpusSource(path))
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_other_encodings_are_refused(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b'{"merc": 1}\n{"id": "caf\xe9"}\n')
    with pytest.raises(DataError, match=r"x\.jsonl, line 2: byte 12 is not UTF-8"):
        read_json_lines(path)
    with pytest.raises(DataError, match="can't be read"):
        read_json_lines(tmp_path / "gone")


@pytest.mark.parametrize("data", [b"", b"\n\n", b"a,b\n", b"{}\n", b"[1]\n", b"\x80\x04.", b"PAR1"])
def test_other_files_do_not_match(tmp_path, data):
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    assert not LAYOUT.matches(CorpusSource(path))
    assert not LAYOUT.matches(CorpusSource(tmp_path))


def test_a_line_that_is_nested_too_deep_is_no_valid_json(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(f"{nesting.LISTS}\n")
    with nesting.few_calls():
        assert not LAYOUT.matches(CorpusSource(path))
        with pytest.raises(DataError, match="line 1: not valid JSON"):
            read_json_lines(path)
