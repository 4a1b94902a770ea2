"""Parquet bytes to and from tables; read on one thread."""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq


def read_parquet(data: bytes) -> pa.Table:
    """Arrow's thread pool may still hold `data` when the interpreter ends, and the process then aborts: hence one thread.

    Raises:
        OSError, pa.ArrowException: `data` is not a readable parquet file.
    """
    return pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as the content of a parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
