"""Parquet bytes to and from tables; read on one thread. The one place that imports pyarrow, when it is first needed."""
# pyarrow ships no type stubs:
# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import io
from importlib import import_module
from typing import TYPE_CHECKING, Any

from merc.errors import DataError
from merc.files.extras import naming_extras

if TYPE_CHECKING:
    from pyarrow import Table
else:
    Table = Any  # an optional extra: annotations must hold without it


def arrow(needed_for: str) -> Any:
    """The package pyarrow, its modules `compute` and `parquet` loaded.

    Args:
        needed_for: begins the sentence, such as `a store`.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    with naming_extras(needed_for):
        import_module("pyarrow.compute")
        import_module("pyarrow.parquet")
        return import_module("pyarrow")


def read_parquet(data: bytes) -> Table:
    """Arrow's thread pool may still hold `data` when the interpreter ends, and the process then aborts: hence one thread.

    Raises:
        DataError: `data` is not a readable parquet file.
        MissingExtraError: pyarrow is not installed.
    """
    pa = arrow("reading parquet")
    try:
        table = pa.parquet.ParquetFile(pa.BufferReader(data), pre_buffer=False).read(use_threads=False)
        table.validate(full=True)  # that texts are UTF-8, among others
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise DataError(f"not a readable parquet file: {str(error).splitlines()[0]}") from error
    return table


def parquet_bytes(table: Table) -> bytes:
    """The table as the content of a parquet file.

    Raises:
        MissingExtraError: pyarrow is not installed.
    """
    buffer = io.BytesIO()
    arrow("writing parquet").parquet.write_table(table, buffer)
    return buffer.getvalue()
