"""A table is read whole, on the caller's thread alone."""

import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from merc.errors import DataError
from merc.files.parquet import read_parquet

THREADS = """
import os, sys
from pathlib import Path
import pyarrow as pa
from merc.files.parquet import read_parquet
data = Path(sys.argv[1]).read_bytes()
before = set(os.listdir("/proc/self/task"))
table = read_parquet(data)
print(table.num_rows, len(set(os.listdir("/proc/self/task")) - before))
"""


def test_a_table_is_read_back(tmp_path):
    path = tmp_path / "x.parquet"
    table = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]})
    pq.write_table(table, path, row_group_size=2)
    assert read_parquet(path.read_bytes()).equals(table)


def test_bytes_that_are_no_table_are_refused():
    with pytest.raises(DataError, match="not a readable parquet file"):
        read_parquet(b"PAR1 and no more")


def test_texts_that_are_not_utf_8_are_refused(tmp_path):
    path = tmp_path / "x.parquet"
    texts = pa.Array.from_buffers(pa.string(), 1, pa.array([b"\xff"], pa.binary()).buffers())
    pq.write_table(pa.table({"a": texts}), path)
    with pytest.raises(DataError, match="Invalid UTF8"):
        read_parquet(path.read_bytes())


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_no_thread_is_started_that_could_outlive_the_interpreter(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({name: list(range(1000)) for name in "abcdefgh"}), path, row_group_size=10)
    ended = subprocess.run([sys.executable, "-c", THREADS, path], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["1000", "0"]
