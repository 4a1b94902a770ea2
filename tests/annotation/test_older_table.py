"""The folder's table of older versions: what it tells is taken over, and it never stays as a second truth."""

import importlib.util
import json
from dataclasses import asdict, fields, replace

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merc.annotation import batch
from merc.annotation.batch import FolderOptions, annotate_folder
from merc.annotation.folder_table import FOLDER_TABLE, FileRecord, read_folder_table, write_folder_table
from merc.annotation.older_table import ASIDE, OLDER_TABLE, older_table
from merc.errors import DataError
from merc.files.printable import escape_path

KINDS = {"int": pa.int64(), "float": pa.float64(), "float | None": pa.float64(), "tuple[str, ...]": pa.list_(pa.string())}
SCHEMA = pa.schema([(known.name, KINDS.get(str(known.type), pa.string())) for known in fields(FileRecord)])
RECORDS = (
    FileRecord("x.wav", "done", "", "ab", "cd", 2, 1.5, 0.25, {"joy": 2}, ("one", "two"), {"audio": 1}, ("x\\1.json",), "1"),
    FileRecord("\udcff.wav", "failed", "a line"),
)


def write_older(records, folder, **changed):
    """The table as versions wrote it that had no other."""
    rows = [
        asdict(record)
        | {name: json.dumps(getattr(record, name)) for name in ("emotions", "absent")}
        | {"file": escape_path(record.file), "outputs": [escape_path(output) for output in record.outputs]}
        | changed
        for record in records
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), folder / OLDER_TABLE)


@pytest.fixture
def chats(tmp_path):
    folder = tmp_path / "chats"
    folder.mkdir()
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text("speaker,words\nAnn,why ?")
    return folder


@pytest.fixture
def options(judge):
    return FolderOptions(judge, formats=("csv",))


@pytest.fixture
def without_pyarrow(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "pyarrow" else found(name, *more))


def as_by_an_older_version(folder):
    """Turns the table of a folder that was annotated into an older version's."""
    write_older(read_folder_table(folder).values(), folder)
    (folder / FOLDER_TABLE).unlink()


def watch(monkeypatch):
    done, annotate = [], batch.annotate

    def watched(source, **more):
        done.append(source.name)
        return annotate(source, **more)

    monkeypatch.setattr(batch, "annotate", watched)
    return done


def test_its_rows_come_back_as_they_were(tmp_path):
    write_older(RECORDS, tmp_path)
    found = older_table(tmp_path)
    assert found is not None and found.records == {record.file: record for record in RECORDS}


def test_what_an_older_version_did_is_not_done_again(chats, options, monkeypatch):
    before = annotate_folder(chats, options)
    as_by_an_older_version(chats)
    done = watch(monkeypatch)
    assert annotate_folder(chats, options) == before
    assert done == []
    assert not (chats / OLDER_TABLE).exists() and tuple(read_folder_table(chats).values()) == before
    assert annotate_folder(chats, options) == before


def test_without_pyarrow_all_is_done_again_and_the_older_table_is_kept_aside(chats, options, monkeypatch, without_pyarrow):
    annotate_folder(chats, options)
    as_by_an_older_version(chats)
    content = (chats / OLDER_TABLE).read_bytes()
    done = watch(monkeypatch)
    with pytest.warns(
        UserWarning, match=r"emotions\.parquet: an older version .*merc\[train\].* annotated anew, .*kept as"
    ) as told:
        annotate_folder(chats, options)
    assert len(told) == 1 and done == ["a.csv", "b.csv"]
    assert (chats / ASIDE).read_bytes() == content and not (chats / OLDER_TABLE).exists()
    done.clear()
    annotate_folder(chats, options)  # and no warning
    assert done == []


def test_put_back_it_is_taken_over_where_the_two_agree(chats, options, monkeypatch):
    before = annotate_folder(chats, options)
    write_older([before[0], replace(before[1], made_by="another model's")], chats)
    done = watch(monkeypatch)
    after = annotate_folder(chats, options)
    assert done == ["b.csv"] and after[0] == before[0] and not (chats / OLDER_TABLE).exists()


def test_where_it_can_not_be_read_the_newer_table_is_not_believed_either(chats, options, monkeypatch, without_pyarrow):
    annotate_folder(chats, options)
    write_folder_table([*read_folder_table(chats).values(), FileRecord("gone.csv", "done", made_by="x")], chats)
    write_older(RECORDS, chats)  # by an older version that worked here once more
    done = watch(monkeypatch)
    with pytest.warns(UserWarning, match="annotated anew"):
        annotate_folder(chats, options)
    assert done == ["a.csv", "b.csv"]
    assert read_folder_table(chats)["gone.csv"] == FileRecord("gone.csv", "done")


def test_an_error_before_the_work_leaves_it(chats, options, monkeypatch):
    annotate_folder(chats, options)
    as_by_an_older_version(chats)

    def refuse(*_):
        raise DataError("no room")

    monkeypatch.setattr(batch, "write_folder_table", refuse)
    with pytest.raises(DataError, match="no room"):
        annotate_folder(chats, options)
    assert (chats / OLDER_TABLE).is_file()


@pytest.mark.parametrize("blind", [False, True])
def test_another_file_of_its_name_is_left_alone(chats, options, blind, request):
    if blind:
        request.getfixturevalue("without_pyarrow")
    pq.write_table(pa.table({"conversation": ["a"], "emotion": ["joy"]}), chats / OLDER_TABLE)
    for content in (
        (chats / OLDER_TABLE).read_bytes(),
        b"",
        b"PAR1",
        b"PAR1" + b"\0" * 8 + b"PAR1",
        b"PAR1" + b"\xff" * 8 + b"PAR1",
    ):
        (chats / OLDER_TABLE).write_bytes(content)
        annotate_folder(chats, options)
        assert (chats / OLDER_TABLE).read_bytes() == content and not (chats / ASIDE).exists()
    (chats / OLDER_TABLE).unlink()
    (chats / OLDER_TABLE).mkdir()
    annotate_folder(chats, options)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"emotions": "["}, "Expecting value"),
        ({"absent": "[" * 100_000}, "too deep"),
        ({"status": "lost"}, r"row 0\.status: .*'done'"),
    ],
)
def test_a_damaged_one_is_told(tmp_path, changed, said):
    write_older(RECORDS, tmp_path, **changed)
    with pytest.raises(DataError, match=rf"emotions\.parquet: not a table of annotated files \(.*{said}.*move it away"):
        older_table(tmp_path)


def test_one_that_breaks_off_is_told(tmp_path):
    write_older(RECORDS, tmp_path)
    data = (tmp_path / OLDER_TABLE).read_bytes()
    (tmp_path / OLDER_TABLE).write_bytes(data[:4] + b"\xff" * 200 + data[204:])
    with pytest.raises(DataError, match="not a table of annotated files"):
        older_table(tmp_path)
