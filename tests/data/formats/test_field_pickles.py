"""Invented pickles of every layout that circulates: each recognised as itself and by no other, read right, refused when damaged."""

from __future__ import annotations

import copy
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from merc.data.formats import mmsa, multiemo, splits_pickle, vid_dictionaries
from merc.data.formats.layout import CorpusSource, Layout
from merc.data.unpickle.reading import read_pickle
from merc.errors import DataError

LAYOUTS: tuple[Layout, ...] = (
    *vid_dictionaries.LAYOUTS,
    multiemo.LAYOUT,
    splits_pickle.LAYOUT,
    mmsa.LAYOUT,
)
BY_NAME = {layout.name: layout for layout in LAYOUTS}
IEMOCAP_LENGTHS = {"Ses01F_impro01": 3, "Ses01M_impro04": 2, "Ses02F_impro02": 4, "Ses04M_script01_1": 1, "Ses05F_impro04": 3}
MELD_LENGTHS = {0: 3, 1: 1, 1039: 2, 1153: 4, 1432: 2}
EMORY_LENGTHS = {"1_2_3": 2, "2_1_1": 3, "4_17_4": 1}
TEXT, AUDIO, VISUAL = 5, 4, 3


class Invented:
    """The columns of a corpus that does not exist."""

    def __init__(self, lengths: dict[Any, int], classes: int, one_hot: bool) -> None:
        self.random = np.random.default_rng(7)
        self.lengths = lengths
        turns = self.table
        self.ids = turns(lambda vid, i: f"{vid}_u{i}")
        self.speakers = turns(lambda vid, i: [int(j == i % 3) for j in range(9)] if one_hot else "MF"[i % 2])
        self.labels = turns(lambda vid, i: (i + len(str(vid))) % classes)
        self.sentiments = turns(lambda vid, i: i % 3)
        self.sentences = turns(lambda vid, i: f"well{i}, it\x92s {vid}")

    def table(self, cell: Callable[[Any, int], Any]) -> dict[Any, list[Any]]:
        return {vid: [cell(vid, i) for i in range(length)] for vid, length in self.lengths.items()}

    def vectors(self, width: int, *, as_array: bool = False) -> dict[Any, Any]:
        table = self.table(lambda vid, i: self.random.normal(size=width))
        return {vid: np.array(rows) for vid, rows in table.items()} if as_array else table

    def roberta(self) -> list[Any]:
        return [self.vectors(TEXT) for _ in range(4)]

    def streams(self) -> list[Any]:
        return [self.vectors(AUDIO), self.vectors(VISUAL, as_array=True)]


def iemocap() -> Invented:
    return Invented(IEMOCAP_LENGTHS, 6, one_hot=False)


def meld() -> Invented:
    return Invented(MELD_LENGTHS, 7, one_hot=True)


def emory() -> Invented:
    return Invented(EMORY_LENGTHS, 7, one_hot=True)


IEMOCAP_TWO = [set(list(IEMOCAP_LENGTHS)[:4]), ["Ses05F_impro04"]]  # the training list is a set in the oldest files
IEMOCAP_THREE = [["Ses01F_impro01", "Ses01M_impro04", "Ses04M_script01_1"], ["Ses05F_impro04"], ["Ses02F_impro02"]]
MELD_TWO = [[0, 1, 1039], [1153, 1432]]
MELD_THREE = [[0, 1], [1153, 1432], [1039]]
EMORY_THREE = [["1_2_3"], ["2_1_1"], ["4_17_4"]]


def contents() -> dict[str, Any]:
    i, m, e = iemocap(), meld(), emory()
    own = m.table(lambda vid, i: i)  # MELD's utterance ids are numbers
    heads = {"i": [i.ids, i.speakers, i.labels], "m": [own, m.speakers, m.labels]}
    mmgcn_iemocap = [*heads["i"], i.vectors(TEXT), *i.streams(), i.sentences, *IEMOCAP_TWO]
    conversations = {
        part: [
            {
                "vid": vid,
                "speakers": i.speakers[vid],
                "labels": i.labels[vid],
                "text": np.ones((IEMOCAP_LENGTHS[vid], TEXT)),
                "audio": np.ones((IEMOCAP_LENGTHS[vid], AUDIO)),
                "visual": np.ones((IEMOCAP_LENGTHS[vid], VISUAL)),
                "sentence": i.sentences[vid],
            }
            for vid in vids
        ]
        for part, vids in zip(("train", "test", "dev"), IEMOCAP_THREE, strict=True)
    }
    return {
        "mmgcn-iemocap": mmgcn_iemocap,
        "mmgcn-meld": (*heads["m"], m.vectors(TEXT), *m.streams(), m.sentences, *MELD_TWO, m.sentiments),
        "dialoguernn-meld": [*heads["m"], m.vectors(TEXT), m.vectors(AUDIO), m.sentences, *MELD_TWO, m.sentiments],
        "sdt-iemocap": [*heads["i"], *i.roberta(), *i.streams(), i.sentences, *IEMOCAP_TWO],
        "sdt-meld": [*heads["m"], *m.roberta(), *m.streams(), m.sentences, *MELD_TWO, None],
        "graphsmile-meld": [*heads["m"], m.sentiments, *m.roberta(), *m.streams(), m.sentences, *MELD_TWO, []],
        "cosmic-iemocap": [i.speakers, i.labels, *i.roberta(), i.sentences, *IEMOCAP_THREE],
        "cosmic-emorynlp": [e.speakers, e.labels, *e.roberta(), e.sentences, *map(np.array, EMORY_THREE)],
        "cosmic-meld": [m.speakers, m.labels, m.sentiments, *m.roberta(), m.sentences, *MELD_THREE],
        "cosmic-raw-iemocap": [i.speakers, i.labels, i.sentences, *IEMOCAP_THREE],
        "cosmic-raw-emorynlp": [e.speakers, e.labels, e.sentences, *EMORY_THREE],
        "cosmic-raw-meld": [m.speakers, m.labels, m.sentiments, m.sentences, *MELD_THREE],
        "multiemo": {
            "Speakers.pkl": mmgcn_iemocap,
            "TextFeatures.pkl": i.vectors(TEXT),
            "AudioFeatures.pkl": i.vectors(AUDIO),
            "VisualFeatures.pkl": i.vectors(VISUAL),
        },
        "corect": conversations,
        "mmsa": {part: monologues(video, part) for part, video in (("train", "abc"), ("valid", "d_e"), ("test", "f"))},
    }


def monologues(video: str, part: str) -> dict[str, Any]:
    random = np.random.default_rng(3)
    clips = [f"{video}$_$10", f"{video}$_$2", f"{video}$_$1"]
    return {
        "id": clips,
        "raw_text": [f"sentence of {clip}" for clip in clips],
        "audio": random.normal(size=(3, 6, AUDIO)),
        "vision": random.normal(size=(3, 6, VISUAL)),
        "text": random.normal(size=(3, 5, TEXT)),
        "text_bert": np.stack([np.array([[9] * 5, [1] * n + [0] * (5 - n), [0] * 5]) for n in (1, 3, 5)]),
        "audio_lengths": [6, 2, 3],
        "vision_lengths": [1, 1, 0],
        "annotations": ["Positive", "Negative", "Neutral" if part == "test" else "Positive"],
        "regression_labels": np.array([1.2, -0.4, 0.0]),
    }


NAMES = tuple(contents())


@pytest.fixture
def source(tmp_path: Path) -> Callable[[str, Any], CorpusSource]:
    """A source of a layout's content, as reading the file with the inert reader gives it."""

    def make(name: str, content: Any) -> CorpusSource:
        if name == "multiemo":
            return CorpusSource(tmp_path, {file: reread(tmp_path / file, inner) for file, inner in content.items()})
        return CorpusSource(tmp_path / "file.pkl", reread(tmp_path / "file.pkl", content))

    return make


def reread(path: Path, content: Any) -> object:
    path.write_bytes(pickle.dumps(content))
    return read_pickle(path)


def test_every_layout_has_an_invented_file() -> None:
    assert set(NAMES) == set(BY_NAME)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_recognised_as_itself_and_by_no_other(name: str, source: Callable[[str, Any], CorpusSource]) -> None:
    made = source(name, contents()[name])
    assert [layout.name for layout in LAYOUTS if layout.matches(made)] == [name]


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("multiemo", "corect", "mmsa")])
def test_utterances_labels_and_features_are_those_of_the_file(name: str, source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()[name]
    corpus = BY_NAME[name].read(source(name, content))
    invented = {"iemocap": iemocap, "meld": meld, "emorynlp": emory}[corpus.name]()
    assert [c.id for c in corpus.conversations] == [str(vid) for vid in invented.lengths]
    for vid, conversation in zip(invented.lengths, corpus.conversations, strict=True):
        assert [corpus.label_set.index(u.label or "") for u in conversation.utterances] == invented.labels[vid]
        assert [u.words for u in conversation.utterances] == [s.replace("\x92", "’") for s in invented.sentences[vid]]
        first = conversation.utterances[0]
        assert first.speaker == ("M" if corpus.name == "iemocap" else "speaker_0")
        if name.startswith("cosmic"):
            assert first.id == f"{vid}_0"
        else:
            assert first.id == (f"{vid}_u0" if corpus.name == "iemocap" else "0")
        for array in conversation.features.values():
            assert array.dtype == np.float32
    tables = [entry for entry in content if isinstance(entry, dict) and np.ndim(next(iter(entry.values()))[0]) == 1]
    tables = [table for table in tables if len(next(iter(table.values()))[0]) != 9]
    assert len(tables) == len(corpus.feature_schema)
    for spec, table in zip(corpus.feature_schema, tables, strict=True):
        for vid, conversation in zip(invented.lengths, corpus.conversations, strict=True):
            np.testing.assert_array_equal(conversation.features[spec.key], np.array(table[vid], dtype=np.float32))


def test_features_are_named_after_their_source(source: Callable[[str, Any], CorpusSource]) -> None:
    keys = {name: [s.key for s in BY_NAME[name].read(source(name, contents()[name])).feature_schema] for name in NAMES}
    roberta = [f"text/roberta-R{i}" for i in (1, 2, 3, 4)]
    assert keys["mmgcn-iemocap"] == keys["mmgcn-meld"] == ["text/mmgcn", "audio/mmgcn", "visual/mmgcn"]
    assert keys["dialoguernn-meld"] == ["text/dialoguernn", "audio/dialoguernn"]
    assert keys["sdt-iemocap"] == keys["graphsmile-meld"] == [*roberta, "audio/sdt", "visual/sdt"]
    assert keys["cosmic-meld"] == keys["cosmic-emorynlp"] == roberta
    assert keys["cosmic-raw-meld"] == []
    assert keys["multiemo"] == ["text/multiemo", "audio/multiemo", "visual/multiemo"]


def test_the_encoder_is_named_where_name_or_width_tells_it(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["sdt-iemocap"]
    content[7] = {vid: np.ones((n, 1582)) for vid, n in IEMOCAP_LENGTHS.items()}
    schema = BY_NAME["sdt-iemocap"].read(source("sdt-iemocap", content)).feature_schema
    assert [s.encoder for s in schema] == ["RoBERTa-large"] * 4 + ["openSMILE IS10", "unknown"]


def test_iemocap_without_validation_gets_cosmics_and_the_sessions(source: Callable[[str, Any], CorpusSource]) -> None:
    corpus = BY_NAME["mmgcn-iemocap"].read(source("mmgcn-iemocap", contents()["mmgcn-iemocap"]))
    assert list(corpus.splits) == ["cosmic", "session1", "session2", "session4", "session5"]
    assert corpus.splits["cosmic"].parts["validation"] == ("Ses02F_impro02",)
    assert corpus.splits["cosmic"].parts["test"] == ("Ses05F_impro04",)
    assert corpus.splits["session1"].parts["test"] == ("Ses01F_impro01", "Ses01M_impro04")


def test_lists_of_iemocap_that_are_not_cosmics_are_kept_as_file(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["sdt-iemocap"]
    content[-2:] = [["Ses01F_impro01", "Ses05F_impro04"], ["Ses02F_impro02"]]
    corpus = BY_NAME["sdt-iemocap"].read(source("sdt-iemocap", content))
    assert dict(corpus.splits["file"].parts) == {"train": ("Ses01F_impro01", "Ses05F_impro04"), "test": ("Ses02F_impro02",)}
    assert corpus.splits["cosmic"].parts["test"] == ("Ses05F_impro04",)


@pytest.mark.parametrize(
    "name", ["mmgcn-meld", "sdt-meld", "graphsmile-meld", "dialoguernn-meld", "cosmic-meld", "cosmic-raw-meld"]
)
def test_meld_is_split_as_published(name: str, source: Callable[[str, Any], CorpusSource]) -> None:
    corpus = BY_NAME[name].read(source(name, contents()[name]))
    assert list(corpus.splits) == ["official"]
    parts = corpus.splits["official"].parts
    assert (parts["train"], parts["validation"], parts["test"]) == (("0", "1"), ("1039",), ("1153", "1432"))


def test_cosmics_second_list_is_the_test(source: Callable[[str, Any], CorpusSource]) -> None:
    corpus = BY_NAME["cosmic-emorynlp"].read(source("cosmic-emorynlp", contents()["cosmic-emorynlp"]))
    parts = corpus.splits["official"].parts
    assert (parts["train"], parts["test"], parts["validation"]) == (("1_2_3",), ("2_1_1",), ("4_17_4",))
    assert corpus.label_set.names[3] == "neutral" and "order" in str(corpus.notes["labels"])


def test_multiemo_takes_features_from_its_own_files_for_meld_too(source: Callable[[str, Any], CorpusSource]) -> None:
    invented = meld()
    by_text = {str(vid): rows for vid, rows in invented.vectors(TEXT).items()}
    content = {
        "Speakers.pkl": contents()["mmgcn-meld"],
        "TextFeatures.pkl": by_text,
        "AudioFeatures.pkl": invented.vectors(AUDIO),
        "VisualFeatures.pkl": invented.vectors(VISUAL),
    }
    made = source("multiemo", content)
    assert [layout.name for layout in LAYOUTS if layout.matches(made)] == ["multiemo"]
    corpus = BY_NAME["multiemo"].read(made)
    np.testing.assert_array_equal(corpus.conversations[0].features["text/multiemo"], np.float32(by_text["0"]))
    assert corpus.feature_schema[0].encoder == "EmoBERTa"


def test_corect_keeps_its_own_split_and_knows_four_classes(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["corect"]
    corpus = BY_NAME["corect"].read(source("corect", content))
    assert corpus.splits["file"].parts["validation"] == ("Ses02F_impro02",)
    assert len(corpus.label_set) == 6
    for conversations in content.values():
        for conversation in conversations:
            conversation["labels"] = [label % 4 for label in conversation["labels"]]
    assert BY_NAME["corect"].read(source("corect", content)).label_set.names == ("happy", "sad", "neutral", "angry")


def test_mmsa_is_grouped_by_video_and_averaged_within_lengths(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["mmsa"]
    content["train"]["audio"][0, 1, 0] = -np.inf
    corpus = BY_NAME["mmsa"].read(source("mmsa", content))
    assert corpus.label_set.names == ("negative", "neutral", "positive")
    video = corpus.conversations[0]
    assert (video.id, [u.id for u in video.utterances]) == ("abc", ["1", "2", "10"])
    assert [u.label for u in video.utterances] == ["positive", "negative", "positive"]
    assert corpus.conversations[2].utterances[0].label == "neutral"
    audio = content["train"]["audio"]
    np.testing.assert_allclose(video.features["audio/mmsa"][1], audio[1, :2].mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(video.features["audio/mmsa"][2][0], audio[0, [0, 2, 3, 4, 5], 0].mean(), rtol=1e-6)
    np.testing.assert_allclose(video.features["text/mmsa"][2], content["train"]["text"][0, :1].mean(axis=0), rtol=1e-6)
    assert np.isnan(video.features["visual/mmsa"][0]).all()
    assert dict(corpus.splits["official"].parts) == {"train": ("abc",), "validation": ("d_e",), "test": ("f",)}


def test_mmsa_without_annotations_takes_the_sign(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["mmsa"]
    for part in content.values():
        del part["annotations"]
        part["regression_labels"][2] = -0.1
    corpus = BY_NAME["mmsa"].read(source("mmsa", content))
    assert corpus.label_set.names == ("negative", "positive")
    assert [u.label for u in corpus.conversations[0].utterances] == ["negative", "negative", "positive"]


def damage_labels(content: Any) -> str:
    table = next(x for x in content if is_table_of(x, int) and x is not content[0])
    vid = list(table)[1]
    table[vid][0] = 9
    return f"{vid}.*unknown label 9; allowed: 0 "


def is_table_of(entry: Any, kind: type) -> bool:
    return isinstance(entry, dict) and isinstance(next(iter(entry.values()))[0], kind)


def damage_sentences(content: Any) -> str:
    table = [x for x in content if is_table_of(x, str)][-1]
    vid = list(table)[1]
    table[vid] = table[vid] + ["one too many"]
    return f"{vid}.*lengths disagree: \\d labels, \\d sentences"


def damage_lists(content: Any) -> str:
    lists = [x for x in content if isinstance(x, list | set) and x]
    name = next(iter(lists[1]))
    lists[0].add(name) if isinstance(lists[0], set) else lists[0].append(name)
    return f"'train' and 'test', the first is '{name}'"


def damage_unknown_vid(content: Any) -> str:
    next(x for x in content if isinstance(x, list) and x).append("Ses05F_nowhere")
    return "without data, the first is 'Ses05F_nowhere'"


def damage_speaker(content: Any) -> str:
    table = next(x for x in content if is_initials(x) or is_one_hot(x))
    vid = list(table)[2]
    table[vid][0] = [0] * 9 if is_one_hot(table) else None
    return f"{vid}.*speaker .*expected a name or a one-hot row"


def is_initials(table: Any) -> bool:
    return is_table_of(table, str) and next(iter(table.values()))[0] == "M"


def is_one_hot(table: Any) -> bool:
    return is_table_of(table, list)


@pytest.mark.parametrize("damage", [damage_labels, damage_sentences, damage_lists, damage_unknown_vid, damage_speaker])
@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("multiemo", "corect", "mmsa")])
def test_a_damaged_file_gives_one_clear_error(
    name: str, damage: Callable[[Any], str], source: Callable[[str, Any], CorpusSource]
) -> None:
    content = [copy.deepcopy(entry) for entry in contents()[name]]
    if name == "cosmic-emorynlp":
        content[-3:] = copy.deepcopy(EMORY_THREE)
    if name in ("mmgcn-iemocap", "sdt-iemocap", "mmgcn-meld", "dialoguernn-meld", "sdt-meld", "graphsmile-meld"):
        content[0] = {vid: [f"u{i}" for i in range(len(ids))] for vid, ids in content[0].items()}
    expected = damage(content)
    made = source(name, content)
    assert [layout.name for layout in LAYOUTS if layout.matches(made)] == [name]
    with pytest.raises(DataError, match=expected) as refused:
        BY_NAME[name].read(made)
    assert str(made.path) in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda rows: rows[:-1], "Ses02F_impro02', feature audio/mmgcn: lengths disagree: 4 labels, 3 rows"),
        (lambda rows: [rows[0], rows[1][:-1], *rows[2:]], "Ses02F_impro02', feature audio/mmgcn: row 1 has 3 numbers, row 0 has 4"),
        (lambda rows: [row[:-1] for row in rows], "Ses02F_impro02', feature audio/mmgcn: dimension 3, most conversations have 4"),
        (lambda rows: ["a", *rows[1:]], "Ses02F_impro02', feature audio/mmgcn: row 0 is 'a', expected a row of numbers"),
        (lambda rows: [[[1.0], [2.0, 3.0]], *rows[1:]], "row 0 is a list of 2, expected a row of numbers"),
        (lambda rows: 3, "found 3, expected one row of numbers an utterance"),
        (
            lambda rows: [np.array([np.inf, 0, 0, 0]), *rows[1:]],
            "utterance 'Ses02F_impro02_u0': a number that is infinite, or too large for float32",
        ),
        (
            lambda rows: [np.array([1e300, 0, 0, 0]), *rows[1:]],
            "utterance 'Ses02F_impro02_u0': a number that is infinite, or too large for float32",
        ),
    ],
)
def test_a_damaged_matrix_is_named(change: Callable[[Any], Any], expected: str, source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["mmgcn-iemocap"]
    content[4]["Ses02F_impro02"] = change(content[4]["Ses02F_impro02"])
    with pytest.raises(DataError, match=expected):
        BY_NAME["mmgcn-iemocap"].read(source("mmgcn-iemocap", content))


def test_a_conversation_without_features_or_utterances_is_named(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["mmgcn-iemocap"]
    del content[5]["Ses01M_impro04"]
    with pytest.raises(DataError, match=r"'Ses01M_impro04', feature visual/mmgcn: the file has no entry"):
        BY_NAME["mmgcn-iemocap"].read(source("mmgcn-iemocap", content))
    content = contents()["cosmic-raw-meld"]
    for table in content[:4]:
        table[1] = []
    with pytest.raises(DataError, match=r"conversation '1' is empty"):
        BY_NAME["cosmic-raw-meld"].read(source("cosmic-raw-meld", content))


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("raw_text", ["too few"], r"test, column 'raw_text': 1 rows, expected 3 rows"),
        ("audio", np.ones((3, 4)), r"test, column 'audio': an array of shape \(3, 4\).*expected an array of shape \(3, time"),
        ("audio_lengths", [1, 2], r"test, column audio_lengths: 2 rows, expected 3"),
        ("audio_lengths", [1, 2, "x"], r"test, column audio_lengths: 3 rows, expected 3 whole numbers"),
        ("id", ["f$_$1", "f2", "f$_$3"], r"part 'test': id 'f2', expected the form"),
        ("id", ["f$_$1", "f$_$1", "f$_$3"], r"conversation 'f': utterance id '1' occurs more than once"),
        ("id", ["abc$_$11", "f$_$1", "f$_$3"], r"'train' and 'test', the first is 'abc'"),
        ("annotations", ["Odd", "Positive", "Negative"], r"conversation 'f', utterance '10': unknown label 'odd'"),
    ],
)
def test_a_damaged_mmsa_file_is_refused(key: str, value: Any, expected: str, source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["mmsa"]
    content["test"][key] = value
    with pytest.raises(DataError, match=expected):
        BY_NAME["mmsa"].read(source("mmsa", content))


def test_a_damaged_corect_file_is_refused(source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()["corect"]
    content["dev"][0]["labels"][1] = 6
    with pytest.raises(DataError, match=r"'Ses02F_impro02', utterance 'Ses02F_impro02_1': unknown label 6"):
        BY_NAME["corect"].read(source("corect", content))
    content["dev"].append("nothing")
    with pytest.raises(DataError, match=r"dev\[1\] is 'nothing', expected a dict"):
        BY_NAME["corect"].read(source("corect", content))
    strange = {part: [{"vid": "x", "speakers": ["M"], "labels": [0]}] for part in ("train", "dev", "test")}
    with pytest.raises(DataError, match="conversation ids such as 'x'; the label names are known for iemocap, meld and emorynlp"):
        BY_NAME["corect"].read(source("corect", strange))


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.binary(max_size=5) | st.just(np.arange(3)),
    lambda inner: (
        st.lists(inner, max_size=14)
        | st.dictionaries(st.text(max_size=3) | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=30,
)


@given(content=plain)
def test_matching_never_raises(content: object) -> None:
    for layout in LAYOUTS:
        layout.matches(CorpusSource(Path("/nowhere"), content))


@given(content=st.sampled_from(NAMES).flatmap(lambda name: st.tuples(st.just(name), st.integers(0, 13), plain)))
def test_an_entry_of_any_kind_is_refused_or_read_but_never_a_defect(content: tuple[str, int, Any]) -> None:
    name, place, replacement = content
    made = contents()[name]
    if isinstance(made, dict):
        made[list(made)[place % len(made)]] = replacement
    else:
        made = list(made)
        made[place % len(made)] = replacement
    source = CorpusSource(Path("/"), made)
    for layout in LAYOUTS:
        if layout.matches(source):
            try:
                layout.read(source)
            except DataError as error:
                assert "\n" not in str(error)


def python_two(value: Any) -> bytes:
    """The opcodes that Python 2 writes in protocol 2 for a value: str as bytes, numpy arrays with a str of raw memory."""
    if isinstance(value, str):
        raw = value.encode("latin1")
        return b"T" + struct.pack("<i", len(raw)) + raw
    if isinstance(value, int):
        return b"J" + struct.pack("<i", value)
    if isinstance(value, dict):
        return b"}(" + b"".join(python_two(k) + python_two(v) for k, v in value.items()) + b"u"
    if isinstance(value, list):
        return b"](" + b"".join(map(python_two, value)) + b"e"
    if isinstance(value, set):
        return b"c__builtin__\nset\n" + python_two(list(value)) + b"\x85R"
    assert isinstance(value, np.ndarray) and value.dtype == np.float64
    empty = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    kind = b"cnumpy\ndtype\nU\x02f8K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"(" + b"".join(python_two(n) for n in value.shape) + b"t"
    return empty + b"(K\x01" + shape + kind + b"I00\n" + python_two(value.tobytes().decode("latin1")) + b"tb"


@pytest.mark.parametrize("name", [n for n in NAMES if "iemocap" in n])
def test_files_of_python_two_are_read_alike(name: str, tmp_path: Path, source: Callable[[str, Any], CorpusSource]) -> None:
    content = contents()[name]
    content[2 if name.startswith(("mmgcn", "sdt")) else 1]["Ses01F_impro01"][0] = 5
    path = tmp_path / "old.pkl"
    path.write_bytes(b"\x80\x02" + python_two(content) + b".")
    old = CorpusSource(path, read_pickle(path))
    assert [layout.name for layout in LAYOUTS if layout.matches(old)] == [name]
    read, expected = BY_NAME[name].read(old), BY_NAME[name].read(source(name, content))
    assert read.splits.keys() == expected.splits.keys()
    for one, other in zip(read.conversations, expected.conversations, strict=True):
        assert one.utterances == other.utterances
        for key, array in one.features.items():
            np.testing.assert_array_equal(array, other.features[key])
