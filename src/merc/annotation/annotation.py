"""An annotation as Python code holds it: the result, and all that it can be turned into."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter, ValidationError

from merc.annotation.export.notebook import notebook_table
from merc.annotation.export.page import render_page
from merc.annotation.export.subtitles import srt_text
from merc.annotation.result import Result
from merc.errors import DataError
from merc.files.arguments import checked
from merc.files.csv_cells import csv_text
from merc.files.printable import printable
from merc.files.strict_json import load_json
from merc.files.validation import explain, shorten
from merc.inference.table import Table, data_frame, flat_table

if TYPE_CHECKING:
    from pandas import DataFrame
else:
    DataFrame = Any  # an optional extra: annotations must hold without it

_FORMAT = 2  # of the JSON
_SURROGATES = re.compile("[\ud800-\udfff]")


class Annotation(Result):
    """A result with its forms; `merc.annotation.export.files` writes them to disk.

    Example:
        >>> import merc
        >>> found = merc.annotate([merc.Utterance("1", "Ann", "I got the job!")])
        >>> merc.Annotation.from_json(found.to_json()) == found
        True
    """

    __slots__ = ()

    def columns(self) -> Table:
        """The utterances as a table, column by column, all of one length; see `merc.inference.table`."""
        return flat_table(self.conversations)

    def to_dataframe(self) -> DataFrame:
        """The table of `columns` as a pandas data frame, a row an utterance; numbers that are None become NaN.

        Raises:
            MissingExtraError: the extra `pandas` is not installed.
        """
        return data_frame(self.columns())

    def to_csv(self) -> str:
        """The table of `columns` as CSV (RFC 4180); see `merc.files.csv_cells.csv_text`."""
        return csv_text(self.columns())

    def to_srt(self) -> str:
        """Subtitles such as `Ann [joy]: I got the job!`.

        Raises:
            DataError: an utterance has no start or no end, or there are several conversations.
        """
        return srt_text(self)

    def to_json(self) -> str:
        """All of it, without loss: `from_json` gives an equal annotation. Ends in a line feed; can always be encoded."""
        text = json.dumps({"format": _FORMAT, **asdict(self)}, ensure_ascii=False, allow_nan=False, indent=2)
        return _SURROGATES.sub(lambda half: f"\\u{ord(half[0]):04x}", text) + "\n"  # from file names that are not UTF-8

    @classmethod
    def from_json(cls, text: str) -> Annotation:
        """What `to_json` gave, read back.

        Raises:
            DataError: no JSON, of another format, or not consistent; the message names the place.
        """
        checked(text, str, "annotation", "the JSON of an annotation, as a str")
        try:
            content = load_json(text.removeprefix("\ufeff"))
        except ValueError as error:
            raise DataError(f"annotation: not valid JSON: {shorten(printable(str(error)))}") from error
        form = cast("dict[str, object]", content).pop("format", None) if isinstance(content, dict) else None
        if type(form) is not int or form != _FORMAT:
            raise DataError(f"annotation: format {shorten(printable(repr(form)))}; this version of merc reads format {_FORMAT}")
        try:
            found = TypeAdapter(Result).validate_python(content)
        except ValidationError as error:
            raise DataError(f"annotation: {printable(explain(error)).removeprefix('annotation: ')}") from error
        return cls(found.origin, found.conversations, found.warnings)

    def to_html(self, medium: str | None = None) -> str:
        """The page that shows it: one file that asks for nothing but the recording.

        Args:
            medium: where the recording lies as seen from the page's folder, such as `talk.mp4`; a plain path, quoted here. None
                makes a page without a player.

        Raises:
            DataError: `medium` can't be a file's name.
        """
        return render_page(self, medium)

    def _repr_html_(self) -> str:
        """What notebooks show: a compact table."""
        return notebook_table(self)
