"""One's own labelled conversations, as commands take them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from merc.cli.terminal import warn

if TYPE_CHECKING:
    from merc.annotation.options import SoundOptions
    from merc.data.schema import Corpus
    from merc.settings import Progress
else:  # slow to import, and not needed by `merc --help`
    Corpus = SoundOptions = Progress = object

LabelsFrom = Annotated[
    list[str] | None,
    typer.Option(
        "--labels-from",
        metavar="NAME",
        help="A tier or column of transcripts that holds labels, with or without the speaker; repeatable, one an annotator.",
    ),
]
MapLabels = Annotated[
    str | None,
    typer.Option("--map-labels", metavar="FILE|NAME", help="A label mapping: a YAML file, or the name of a shipped one."),
]
NoSound = Annotated[bool, typer.Option("--no-sound", help="Leave out the sound of recordings that belong to transcripts.")]
Channels = Annotated[
    Literal["mixed", "speakers"] | None,
    typer.Option(help="Of recordings that belong to transcripts; as annotate takes it, 'mixed' by default."),
]
Clock = Annotated[
    Literal["auto", "film", "sound"] | None, typer.Option(help="That transcripts follow; as annotate takes it, 'auto' by default.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Keep no features of sound between runs.")]


@dataclass(frozen=True, slots=True)
class OfSound:
    """The options of how the recordings of transcripts are heard, as they were given."""

    no_sound: bool
    channels: Literal["mixed", "speakers"] | None
    clock: Literal["auto", "film", "sound"] | None
    no_cache: bool

    def options(self) -> SoundOptions | None:
        """What they mean; None leaves the sound out.

        Raises:
            typer.BadParameter: one has no meaning without sound.
        """
        from merc.annotation.options import SoundOptions
        from merc.files.cache_folder import default_folder

        if not self.no_sound:
            return SoundOptions(self.channels or "mixed", self.clock or "auto", None if self.no_cache else default_folder())
        self._refuse("it is for sound, which --no-sound leaves out", but="--no-sound")
        return None

    def refuse(self, why: str) -> None:
        """Raises typer.BadParameter if one is given, where there are no transcripts."""
        self._refuse(why)

    def _refuse(self, why: str, but: str = "") -> None:
        named = {"--no-sound": self.no_sound, "--channels": self.channels, "--clock": self.clock, "--no-cache": self.no_cache}
        for option, given in named.items():
            if given and option != but:
                raise typer.BadParameter(why, param_hint=option)


def labelled_corpus(
    source: Path, labels_from: Sequence[str] | None, map_labels: str | None, of_sound: OfSound, progress: Progress
) -> Corpus:
    """The corpus of a store, or of transcripts with labels and their recordings; what a user should know of them is told.

    Raises:
        DataError, StoreError: see `open_store`, `import_labelled` and `apply_mapping`.
        typer.BadParameter: an option that is for transcripts, and a store.
    """
    from merc.annotation.labelled.folder import import_labelled
    from merc.data.labels import apply_mapping, find_mapping
    from merc.data.store.manifest import MANIFEST
    from merc.data.store.store import open_store

    mapping = None if map_labels is None else find_mapping(map_labels)
    if (source / MANIFEST).is_file():
        if labels_from:
            raise typer.BadParameter("it is for transcripts; a store has labels of its own", param_hint="--labels-from")
        of_sound.refuse("it is for transcripts; a store has features of its own")
        corpus = open_store(source)
        return corpus if mapping is None else apply_mapping(corpus, mapping)
    found = import_labelled(source, labels_from or (), mapping, sound=of_sound.options(), hook=progress)
    for warning in found.warnings:
        warn(warning)
    return found.corpus
