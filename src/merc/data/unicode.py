"""Text of utterances that no encoder can read."""

from __future__ import annotations

from collections.abc import Iterable

from merc.data.schema import Utterance
from merc.errors import DataError
from merc.files.arguments import shown


def check_text(utterances: Iterable[Utterance], where: str) -> None:
    """Refuses text that no encoder can read.

    Raises:
        DataError: half a surrogate pair in an id, a speaker's name or words; the message names `where` and the utterance.
    """
    for u in utterances:
        for name, text in (("id", u.id), ("speaker", u.speaker), ("words", u.words)):
            if text and not text.isascii():
                try:
                    text.encode()
                except UnicodeEncodeError:
                    raise DataError(
                        f"{where}, utterance {u.id!r}, {name}: half a surrogate pair in {shown(text)}; allowed is valid Unicode"
                    ) from None
