"""Each layout of plain text, by the gallery; what is around the dialogue; what fits no layout."""

import io

import pytest

from annotation.transcripts.plain.gallery import GALLERY
from merc.annotation.transcripts.reading import read_transcript


def read(text, name="talk.txt"):
    return read_transcript(io.BytesIO(text.encode()), name)


def turns(text):
    return [(turn.speaker, turn.words, turn.start, turn.end) for turn in read(text).utterances]


@pytest.mark.parametrize("layout", GALLERY)
def test_a_file_of_the_gallery_is_read_right(layout):
    text, expected = GALLERY[layout]
    assert turns(text) == expected
