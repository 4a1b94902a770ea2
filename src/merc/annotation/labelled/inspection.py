"""What transcripts with labels hold and what looks wrong with them, before they are imported: no sound is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from merc.annotation.labelled.agreement import Agreement
from merc.annotation.labelled.contents import FolderContents, folder_contents
from merc.annotation.labelled.folder import HEARD, LAYOUT, labelled_folder
from merc.annotation.labelled.sound import find_recordings, opened_recordings
from merc.annotation.sound import RecordedSound
from merc.annotation.transcripts.cues import counted
from merc.annotation.transcripts.transcript import in_recording
from merc.data.formats.inspection import Finding, Inspection, Severity, inspect_corpus
from merc.errors import DataError
from merc.files.printable import encodable, printable
from merc.settings import Settings

DESCRIPTION = "transcripts with labels that people gave or corrected"
_LISTED = 20  # problems and warnings each; the rest is counted


class TalkReport(Settings):
    """One conversation: the file that its labels are read from, and those that say the same; its recording, and how long that is.

    `annotators` are those who labelled one of its utterances. `recording` is None where there is none, `seconds` where it can't be
    read or does not say.
    """

    conversation: str
    file: str
    copies: tuple[str, ...]
    utterances: int
    labelled: int
    annotators: tuple[str, ...]
    recording: str | None
    seconds: float | None


class LabelledInspection(Inspection):
    """What was found; the counts of `Inspection` are empty where the files can't be imported as they are."""

    talks: tuple[TalkReport, ...] = ()
    agreement: Agreement | None = None


def inspect_labelled(path: str | Path, labels_from: Sequence[str] = ()) -> LabelledInspection:
    """Inspects what `import_labelled` takes; what it would refuse is reported as findings.

    Raises:
        DataError: there is nothing at the path.
    """
    path = Path(path)
    contents = folder_contents(path, labels_from)
    found = find_recordings(contents.talks)
    recordings = found.of_talks
    opened, unreadable = opened_recordings(contents.conversations, recordings, HEARD)
    of_sound = [*found.warnings, *unreadable, *_beyond(contents, opened)]
    talks = tuple(
        TalkReport(
            conversation=encodable(conversation_id),
            file=encodable(talk.path.name),
            copies=tuple(encodable(other.name) for other, _ in talk.copies),
            utterances=len(one.labels),
            labelled=sum(bool(labels) for labels in one.labels),
            annotators=tuple(sorted({who for labels in one.labels for who in labels})),
            recording=encodable(recordings[talk.base].name) if talk.base in recordings else None,
            seconds=opened[conversation_id].info.duration if conversation_id in opened else None,
        )
        for conversation_id, (talk, one) in contents.conversations.items()
    )
    try:
        read = labelled_folder(contents, None, None)
    except DataError as error:
        findings = (*_findings("error", "refused", contents.problems or (error,)), *_findings("warning", "sound", of_sound))
        return LabelledInspection(
            path=str(path), layout=LAYOUT, description=DESCRIPTION, importable=False, findings=findings, talks=talks
        )
    counts = inspect_corpus(read.corpus, path, LAYOUT, DESCRIPTION)
    values = {name: getattr(counts, name) for name in Inspection.model_fields}
    values["findings"] = (
        *counts.findings,
        *_findings("warning", "files", read.warnings),
        *_findings("warning", "sound", of_sound),
    )
    return LabelledInspection(**values, talks=talks, agreement=read.agreement)


def _beyond(contents: FolderContents, opened: Mapping[str, RecordedSound]) -> list[str]:
    """Warnings that count the utterances that begin after the end of their recording."""
    warnings: list[str] = []
    for conversation_id, recording in opened.items():
        transcript = in_recording(contents.conversations[conversation_id][1].transcript, recording.name)
        length, utterances = recording.info.duration, transcript.utterances
        late = 0 if length is None else sum(u.start is not None and u.start >= length for u in utterances)
        if late:
            of = f"{late} of {counted(len(utterances), 'utterance', 'utterances')}"
            warnings.append(
                f"{printable(recording.name)}: {of} {'begins' if late == 1 else 'begin'} after its end at {length:.1f} s"
            )
    return warnings


def _findings(severity: Severity, kind: str, messages: Sequence[object]) -> list[Finding]:
    said = [str(message) for message in messages[:_LISTED]]
    if len(messages) > _LISTED:
        said.append(f"and {len(messages) - _LISTED} more of this kind")
    return [Finding(severity=severity, kind=kind, message=message) for message in said]
