"""Parquet bytes to and from tables; read on one thread."""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq

from merc.errors import DataError


def read_parquet(data: bytes) -> pa.Table:
    """Arrow's thread pool may still hold `data` when the interpreter ends, and the process then aborts: hence one thread.

    Raises:
        DataError: `data` is not a readable parquet file.
    """
    try:
        table = pq.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
        table.validate(full=True)  # that texts are UTF-8, among others
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"not a readable parquet file: {str(error).splitlines()[0]}") from error
    return table


def parquet_bytes(table: pa.Table) -> bytes:
    """The table as the content of a parquet file."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()
