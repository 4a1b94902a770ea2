"""Transcripts in JSON, read as files are."""

import io
import json

import pytest

from merc.annotation.transcripts.reading import read_transcript
from merc.errors import DataError


def read(content):
    """The transcript of JSON text, or of what is written as JSON."""
    text = content if isinstance(content, str) else json.dumps(content)
    return read_transcript(io.BytesIO(text.encode()), "a.json")


def refusal(content):
    """The one line of error."""
    with pytest.raises(DataError) as error:
        read(content)
    assert "\n" not in str(error.value)
    return str(error.value)
