"""Labels in columns of `.csv` and `.tsv` files, our own `.emotions.csv` among them.

Wanted are `emotion` and `label` if nothing else is; a column with something beside these words, such as `emotion_2`, is another
annotator's.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from merc.annotation.labelled.names import EMOTIONS, LABELS, beside, given_label, label_name, placeholder_warnings
from merc.annotation.labelled.transcript import LabelledFile, labelled_by_cue, numbered_cues
from merc.annotation.transcripts.columns import NAMES, OTHER_NAMES
from merc.annotation.transcripts.reading import read_text, transcripts_from
from merc.annotation.transcripts.tables import read_tab_separated, read_table, separated
from merc.errors import DataError
from merc.files.csv_cells import csv_rows, shown_cell
from merc.files.printable import printable
from merc.files.validation import shorten

_NO_ANNOTATORS = frozenset(("id", "ids", "code", "no", "index", "score", "time", "start", "end", "duration"))  # beside `emotion`
_OTHERS = frozenset(name for known in (NAMES, OTHER_NAMES) for names in known.values() for name in names)  # as `speaker label`
_SEPARATORS = re.compile(r"[\s_-]+")


def read_labelled_table(path: Path, wanted: Sequence[str] = ()) -> LabelledFile:
    """The conversations of a table, and their labels.

    Args:
        path: of the file.
        wanted: words of the names of the columns that hold labels; none means `emotion`, or `label`.

    Raises:
        DataError: the table can't be read, or both `emotion` and `label` hold something.
    """
    name, decoded = printable(path.name), read_text(path)
    tab_separated = path.suffix.lower() == ".tsv"
    try:
        rows_of_text, delimiter = (decoded.text, "\t") if tab_separated else separated(decoded.text)
        given = csv_rows(rows_of_text, delimiter)
        header, *rows = [row for row in given if any(map(str.strip, row))] or [[]]
    except csv.Error as error:
        raise DataError(f"{name}: not valid CSV: {error}") from error
    names = tuple(header)
    places = _annotators(header, rows, wanted, name)
    if not places:
        return LabelledFile((), names)
    cue_list = (read_tab_separated if tab_separated else read_table)(decoded.text, name)
    transcripts = transcripts_from(numbered_cues(cue_list), name, "a table with a header", decoded.warnings)
    labels = [
        {who: label for who, place in places.items() if (label := given_label(shown_cell(row[place]))) is not None} for row in rows
    ]
    conversations = tuple(labelled_by_cue(transcript, cue_list.cues, labels) for transcript in transcripts)
    warnings = placeholder_warnings(name, (row[place] for row in rows for place in places.values()))
    used = frozenset(word for word in wanted if any(beside(header[place], word) is not None for place in places.values()))
    return LabelledFile(conversations, names, used, warnings)


def _annotators(header: Sequence[str], rows: Sequence[Sequence[str]], wanted: Sequence[str], name: str) -> dict[str, int]:
    """Annotator -> place of the column; columns without anything in them are passed over."""
    filled = [place for place in range(len(header)) if any(place < len(row) and given_label(row[place]) for row in rows)]
    if wanted:
        return _places(header, filled, wanted, name)
    filled = [place for place in filled if _SEPARATORS.sub("", header[place]).casefold() not in _OTHERS]
    by_emotion, by_label = _places(header, filled, EMOTIONS, name), _places(header, filled, LABELS, name)
    if by_emotion and by_label:
        both = ", ".join(repr(shorten(printable(header[place]))) for place in (*by_emotion.values(), *by_label.values()))
        raise DataError(f"{name}, row 1: the columns {both} may hold labels; name those that do by --labels-from")
    return by_emotion or by_label


def _places(header: Sequence[str], filled: Sequence[int], wanted: Sequence[str], name: str) -> dict[str, int]:
    places: dict[str, int] = {}
    for place in filled:
        for word in wanted:
            found = label_name(header[place], word, (), len(wanted) == 1 or wanted in (EMOTIONS, LABELS))
            if found is not None and not _NO_ANNOTATORS.intersection(map(str.casefold, beside(header[place], word) or ())):
                if found.annotator in places:
                    raise DataError(f"{name}, row 1: two columns are called {shorten(repr(printable(header[place])))}; keep one")
                places[found.annotator] = place
                break
    return places
