"""The store: what it gives back, what it refuses, and that a change that fails changes nothing."""

import errno
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.data.splits import by_parts
from merc.data.store.manifest import read_manifest
from merc.data.store.store import add_features, open_store, save_store, update_notes
from merc.errors import DataError, MissingExtraError, StoreError
from merc.files import staged_file

AUDIO = FeatureSpec(modality="audio", name="praat", dimension=3, encoder="praat-functionals", version="1")
TEXT = FeatureSpec(modality="text", name="minilm", dimension=4, encoder="all-MiniLM-L6-v2")


def corpus(seed=0, notes=None):
    """Two conversations; the second lacks audio."""
    rng = np.random.default_rng(seed)
    first = tuple(
        Utterance(str(i), "AB"[i % 2], words=f"w{i} ’", start=i * 1.5, end=i * 1.5 + 1, label=("calm", "cross", None)[i])
        for i in range(3)
    )
    second = (Utterance("0", "C", label="cross"),)
    audio = rng.normal(size=(3, 3)).astype(np.float32)
    audio[1] = np.nan
    audio[2, 0] = np.nan
    return Corpus(
        name="made",
        label_set=LabelSet(names=("calm", "cross")),
        feature_schema=(AUDIO,),
        conversations=(Conversation("c1", first, {AUDIO.key: audio}), Conversation("c2", second)),
        splits={"official": by_parts("official", ["c1"], [], ["c2"])},
        notes=notes or {"source": "made"},
    )


def text_rows(seed=1):
    rng = np.random.default_rng(seed)
    return {"c1": rng.normal(size=(3, 4)).astype(np.float32), "c2": rng.normal(size=(1, 4)).astype(np.float32)}


def contents(folder):
    """Every file below `folder`, hidden ones included, with its bytes; folders as None."""
    return {str(p.relative_to(folder)): p.read_bytes() if p.is_file() else None for p in sorted(folder.rglob("*"))}


@pytest.fixture
def store(tmp_path):
    folder = tmp_path / "store"
    save_store(corpus(), folder)
    return folder


def feature_file(folder, start="audio"):
    (path,) = (folder / "features").glob(f"{start}*")
    return path


def test_a_lacking_feature_comes_back_as_absence(store):
    opened = open_store(store)
    np.testing.assert_array_equal(opened.conversations[1].features[AUDIO.key], np.full((1, 3), np.nan))
    np.testing.assert_array_equal(opened.conversations[0].features[AUDIO.key], corpus().conversations[0].features[AUDIO.key])
    assert [c.utterances for c in opened.conversations] == [c.utterances for c in corpus().conversations]


def test_features_are_read_only_views_of_one_mapped_file(store):
    opened = open_store(store)
    arrays = [c.features[AUDIO.key] for c in opened.conversations]
    bases = []
    for array in arrays:
        assert not array.flags.writeable and not array.flags.owndata
        base = array
        while isinstance(base.base, np.ndarray):
            base = base.base
        bases.append(base)
    assert all(isinstance(base, np.memmap) for base in bases)
    address = [array.__array_interface__["data"][0] for array in arrays]
    assert address[1] - address[0] == arrays[0].nbytes


def test_the_safetensors_library_reads_our_file(store):
    tensors = load_file(feature_file(store))
    assert list(tensors) == ["features"]
    expected = np.concatenate([corpus().conversations[0].features[AUDIO.key], np.full((1, 3), np.nan, np.float32)])
    np.testing.assert_array_equal(tensors["features"], expected)


def test_the_manifest_names_every_file_with_its_size(store):
    listed = read_manifest(store)
    assert {f.path for f in listed.files} | {"manifest.json", "features"} == set(contents(store))
    for file in listed.files:
        assert (store / file.path).stat().st_size == file.bytes
    assert json.loads((store / "manifest.json").read_text())["format"] == "merc-store"


def test_saving_twice_gives_the_same_bytes(store, tmp_path):
    save_store(corpus(), tmp_path / "again")
    assert contents(store) == contents(tmp_path / "again")


def test_parents_are_made_and_an_empty_folder_is_taken(tmp_path):
    save_store(corpus(), tmp_path / "a/b/store")
    (tmp_path / "empty").mkdir()
    save_store(corpus(), tmp_path / "empty")
    assert open_store(tmp_path / "empty").name == open_store(tmp_path / "a/b/store").name == "made"


def test_a_relative_folder_is_taken(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_store(corpus(), Path("here"))
    update_notes(Path("here"), {"a": 1})
    assert open_store(Path("here")).notes == {"source": "made", "a": 1}


def test_overwriting_is_asked_for_and_sweeps_the_old_files(store):
    with pytest.raises(StoreError, match="holds a store already"):
        save_store(corpus(1), store)
    save_store(corpus(1), store, overwrite=True)
    opened = open_store(store)
    np.testing.assert_array_equal(opened.conversations[0].features[AUDIO.key], corpus(1).conversations[0].features[AUDIO.key])
    assert {f.path for f in read_manifest(store).files} | {"manifest.json", "features"} == set(contents(store))


def test_a_store_may_be_overwritten_by_what_was_opened_from_it(store):
    opened = open_store(store)
    before = opened.conversations[0].features[AUDIO.key].copy()
    save_store(opened, store, overwrite=True)
    np.testing.assert_array_equal(opened.conversations[0].features[AUDIO.key], before)
    np.testing.assert_array_equal(open_store(store).conversations[0].features[AUDIO.key], before)


def test_a_folder_of_other_things_is_never_overwritten(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("words")
    with pytest.raises(StoreError, match="is not a store"):
        save_store(corpus(), tmp_path / "mine", overwrite=True)
    (tmp_path / "file").write_text("words")
    with pytest.raises(StoreError, match="is not a store"):
        save_store(corpus(), tmp_path / "file", overwrite=True)
    assert (tmp_path / "mine/thesis.txt").read_text() == "words"


def test_foreign_files_in_a_store_survive_a_change(store):
    (store / "README.txt").write_text("mine")
    update_notes(store, {"a": 1})
    assert (store / "README.txt").read_text() == "mine"


def test_a_broken_store_can_be_overwritten(store):
    (store / "manifest.json").write_text("{")
    save_store(corpus(1), store, overwrite=True)
    assert open_store(store).name == "made"


# Adding


def test_features_are_added_without_touching_other_files(store):
    before = contents(store)
    add_features(store, TEXT, text_rows())
    opened = open_store(store)
    assert opened.feature_schema == (AUDIO, TEXT)
    for conversation in opened.conversations:
        np.testing.assert_array_equal(conversation.features[TEXT.key], text_rows()[conversation.id])
    after = contents(store)
    assert {name: data for name, data in after.items() if name in before and name != "manifest.json"} == {
        name: data for name, data in before.items() if name != "manifest.json"
    }
    assert len(after) == len(before) + 1


def test_conversations_that_are_not_named_are_absent(store):
    add_features(store, TEXT, {"c2": text_rows()["c2"]})
    assert np.isnan(open_store(store).conversations[0].features[TEXT.key]).all()


def test_a_feature_is_replaced_in_place_when_asked(store):
    add_features(store, TEXT, text_rows())
    with pytest.raises(StoreError, match=r"has feature text/minilm already \(encoder all-MiniLM-L6-v2\)"):
        add_features(store, TEXT, text_rows(2))
    wider = FeatureSpec(modality="audio", name="praat", dimension=5)
    rows = {"c1": np.ones((3, 5), np.float32), "c2": np.ones((1, 5), np.float32)}
    add_features(store, wider, rows, overwrite=True)
    opened = open_store(store)
    assert opened.feature_schema == (wider, TEXT)
    np.testing.assert_array_equal(opened.conversations[0].features["audio/praat"], rows["c1"])
    assert len(list((store / "features").iterdir())) == 2


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"c9": np.ones((3, 4), np.float32)}, "'c9' is not in store"),
        ({"c1": np.ones((2, 4), np.float32)}, r"'c1', feature text/minilm: shape \(2, 4\), expected \(3, dimension\)"),
        ({"c1": np.ones((3, 5), np.float32)}, "'c1', feature text/minilm: dimension 5, the schema says 4"),
        ({"c1": np.full((3, 4), np.inf, np.float32)}, "'c1', utterance '0', feature text/minilm: a number that is infinite"),
    ],
)
def test_wrong_features_are_refused_and_change_nothing(store, arrays, message):
    before = contents(store)
    with pytest.raises(DataError, match=message):
        add_features(store, TEXT, arrays)
    assert contents(store) == before


def test_a_ninth_modality_is_refused(store):
    for number in range(7):
        add_features(store, FeatureSpec(modality=f"m{number}", name="x", dimension=1), {})
    with pytest.raises(StoreError, match="9 modalities; at most 8"):
        add_features(store, FeatureSpec(modality="m7", name="x", dimension=1), {})
    add_features(store, FeatureSpec(modality="m6", name="y", dimension=1), {})
    assert len(open_store(store).feature_schema) == 9


def test_notes_are_merged_and_none_removes(store):
    update_notes(store, {"probe": {"audio/praat": [1.5, None]}, "source": None})
    assert open_store(store).notes == {"probe": {"audio/praat": [1.5, None]}}


@pytest.mark.parametrize("value", [float("nan"), np.float32(1), {1, 2}, [float("inf")]])
def test_notes_that_json_cannot_hold_are_refused(store, tmp_path, value):
    before = contents(store)
    with pytest.raises(StoreError, match="note 'probe'"):
        update_notes(store, {"probe": value})
    with pytest.raises(StoreError, match="note 'probe'"):
        save_store(corpus(notes={"probe": value}), tmp_path / "other")
    assert contents(store) == before
    assert not (tmp_path / "other").exists()


def test_half_a_surrogate_pair_is_named(tmp_path):
    broken = Corpus(
        name="made",
        label_set=LabelSet(names=("a", "b")),
        feature_schema=(),
        conversations=(Conversation("c1", (Utterance("u7", "A", words="\ud800"),)),),
    )
    with pytest.raises(DataError, match=r"'c1', utterance 'u7': transcript '\\ud800' is not valid Unicode"):
        save_store(broken, tmp_path / "store")
    assert contents(tmp_path) == {}


# Truncated and altered files


def every_file(folder):
    return [folder / "manifest.json", *(folder / file.path for file in read_manifest(folder).files)]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_truncated_files_are_named(store, which):
    path = every_file(store)[which]
    data = path.read_bytes()
    for kept in (0, 7, len(data) // 2, len(data) - 2):
        path.write_bytes(data[:kept])
        for verify in (True, False):
            with pytest.raises(StoreError, match=path.name) as caught:
                open_store(store, verify=verify)
        if which:
            assert f"{kept} bytes, expected {len(data)}" in str(caught.value)


@pytest.mark.parametrize("which", [1, 2])
def test_an_altered_byte_is_found(store, which):
    path = every_file(store)[which]
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    with pytest.raises(StoreError, match=rf"{path.name}: SHA-256 [0-9a-f]{{64}}, expected [0-9a-f]{{64}}"):
        open_store(store)


@pytest.mark.parametrize("which", [1, 2])
def test_a_missing_file_is_named(store, which):
    path = every_file(store)[which]
    path.unlink()
    with pytest.raises(StoreError, match=rf"{path.name}: can't be read: No such file"):
        open_store(store, verify=False)


def test_no_store_is_said_plainly(tmp_path):
    with pytest.raises(StoreError, match=r"expected a folder with manifest\.json, found nothing"):
        open_store(tmp_path / "gone")
    with pytest.raises(StoreError, match="found a folder without it"):
        open_store(tmp_path)
    for change in (lambda: update_notes(tmp_path, {}), lambda: add_features(tmp_path, TEXT, {})):
        with pytest.raises(StoreError, match="is not a store"):
            change()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("version", 2, "store of version 2; this program reads version 1"),
        ("format", "zip", "'format' should be 'merc-store'"),
        ("utterances", 9, "the manifest says 2 and 9|expected a float32 tensor"),
        ("labels", ["a", "b"], "unknown label 'calm'; allowed: a, b"),
        ("labels", ["a"], "two or more different"),
        ("splits", {"s": {"train": ["nobody"]}}, "unknown conversation 'nobody'"),
        ("colour", "red", "unknown key 'colour'"),
        ("name", 3, "name: Input should be a valid string"),
    ],
)
def test_an_altered_manifest_is_refused(store, key, value, message):
    path = store / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), key: value}))
    with pytest.raises(StoreError, match=message):
        open_store(store)


def test_no_feature_is_added_to_a_store_whose_labels_are_damaged(store):
    path = store / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "labels": ["a"]}))
    with pytest.raises(StoreError, match="two or more different"):
        add_features(store, TEXT, text_rows())


@pytest.mark.parametrize("name", ["../secret", "features/../../x-0123456789abcdef.safetensors", "/etc/passwd", "manifest.json"])
def test_a_manifest_cannot_name_files_outside_the_store(store, name):
    path = store / "manifest.json"
    manifest = json.loads(path.read_text())
    manifest["features"][0]["file"]["path"] = name
    path.write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="not a name that a store gives"):
        open_store(store)


# Failures while writing

CHANGES = {
    "fresh": lambda folder: save_store(corpus(3), folder.parent / "new/store"),
    "overwrite": lambda folder: save_store(corpus(3), folder, overwrite=True),
    "add": lambda folder: add_features(folder, TEXT, text_rows()),
    "replace": lambda folder: add_features(folder, AUDIO, {}, overwrite=True),
    "notes": lambda folder: update_notes(folder, {"a": 1}),
}


class Failing:
    """Stands for a function, and raises at its n-th call."""

    def __init__(self, function, at, error):
        self.function, self.left, self.error = function, at, error
        self.raised = False

    def __call__(self, *arguments, **named):
        self.left -= 1
        if self.left == 0:
            self.raised = True
            raise self.error
        return self.function(*arguments, **named)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("step", ["write", "sync", "rename"])
@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()], ids=["full", "ctrl-c"])
def test_a_failure_at_any_step_leaves_all_as_it_was(store, monkeypatch, change, step, error):
    before = contents(store.parent)
    for at in range(1, 30):
        with monkeypatch.context() as patch:
            if step == "write":
                writing = staged_file.StagedFile.write
                failing = Failing(writing, at, error)
                patch.setattr(staged_file.StagedFile, "write", lambda self, data, f=failing: f(self, data))
            elif step == "sync":
                failing = Failing(os.fsync, at, error)
                patch.setattr(os, "fsync", failing)
            else:
                replacing = Path.replace
                failing = Failing(replacing, at, error)
                patch.setattr(Path, "replace", lambda self, target, f=failing: f(self, target))
            try:
                CHANGES[change](store)
            except StoreError as caught:
                assert isinstance(error, OSError)
                assert "No space left on device" in str(caught)
            except KeyboardInterrupt:
                assert isinstance(error, KeyboardInterrupt)
            else:  # the failure came where it harms nothing (syncing a folder), or the change has fewer steps
                break
            finished = contents(store.parent) != before
        if finished:  # Ctrl-C after the commit: the whole new store
            break
        assert contents(store.parent) == before
        open_store(store)
    assert at > 1, "the first step must be able to fail"
    fresh = store.parent / "new/store"
    assert open_store(fresh if fresh.exists() else store).name == "made"
    assert not [name for name in contents(store.parent) if ".merc-" in name]


def test_an_unwritable_place_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match=r"can't be written: (Not a directory|File exists); it is as it was before"):
        save_store(corpus(), tmp_path / "file/store")


def test_a_corpus_prints_on_one_line(store):
    assert len(repr(open_store(store))) < 200


def test_without_pyarrow_the_extra_is_named_and_nothing_is_written(tmp_path, monkeypatch):
    save_store(corpus(), tmp_path / "there")
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.setitem(sys.modules, "pyarrow.compute", None)
    for act in (lambda: open_store(tmp_path / "there"), lambda: save_store(corpus(), tmp_path / "new")):
        with pytest.raises(MissingExtraError, match=r"^a store needs the optional extra 'train': pip install 'merc\[train\]'$"):
            act()
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == ["there"]
