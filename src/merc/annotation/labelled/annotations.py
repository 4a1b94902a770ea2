"""Labels in the `.emotions.json` that annotation writes: what a person put into the field `label` of its utterances.

The field `emotion` holds what the model judged, and is no label.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath

from merc.annotation.annotation import Annotation
from merc.annotation.labelled.names import given_label, placeholder_warnings
from merc.annotation.labelled.transcript import LabelledFile, LabelledTranscript
from merc.annotation.transcripts.cues import LinkedMedium
from merc.annotation.transcripts.nobody import known
from merc.annotation.transcripts.reading import read_text
from merc.annotation.transcripts.transcript import Transcript
from merc.data.schema import Utterance
from merc.errors import DataError
from merc.files.printable import printable

_FIELD = "label"


def read_labelled_annotation(path: Path, wanted: Sequence[str] = ()) -> LabelledFile:
    """The conversations of an annotation, and the labels in it.

    Args:
        path: of the file.
        wanted: if it has words, and `label` is not among them, the file holds no labels.

    Raises:
        DataError: the file can't be read, or holds no annotation of this version.
    """
    try:
        whole = Annotation.from_json(read_text(path).text)
    except DataError as error:
        name = printable(path.name)
        raise DataError(str(error) if name in str(error) else f"{name}: {error}") from error
    labels = [[_labels(u) for u in conversation.utterances] for conversation in whole.conversations]
    word = next((each for each in wanted if each.casefold() == _FIELD), None)
    if (wanted and word is None) or not any(each for of_one in labels for each in of_one):
        return LabelledFile((), ())
    name = PurePath(whole.origin.name).name
    media = () if whole.origin.kind == "text" or not name else (LinkedMedium(name, name),)
    conversations = tuple(
        LabelledTranscript(
            Transcript(tuple(_plain(u) for u in one.utterances), conversation=one.id if len(labels) > 1 else None, media=media),
            tuple(of_one),
        )
        for one, of_one in zip(whole.conversations, labels, strict=True)
    )
    warnings = placeholder_warnings(printable(path.name), (u.label or "" for u in whole.utterances))
    return LabelledFile(conversations, (_FIELD,), frozenset(() if word is None else (word,)), warnings)


def _labels(utterance: Utterance) -> Mapping[str, str]:
    label = given_label(utterance.label or "")
    return {} if label is None else {_FIELD: label}


def _plain(u: Utterance) -> Utterance:
    """The utterance without what was judged of it, and without its label."""
    return Utterance(u.id, known(u.speaker), u.words, u.start, u.end, u.channel)
