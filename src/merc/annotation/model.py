"""The model as its user has it: it judges conversations, and recordings."""

from __future__ import annotations

from pathlib import Path

from merc.annotation.annotation import Annotation
from merc.annotation.annotator import annotate
from merc.annotation.media.sources import Source, TranscriptSource
from merc.annotation.options import Options
from merc.encoders.interface import BackendChoice
from merc.inference.loading import load_model
from merc.inference.recogniser import Recogniser
from merc.settings import Progress, no_progress


class Model(Recogniser):
    """A trained model. It keeps the encoders that it has loaded, so it serves any number of recordings.

    Example:
        >>> import merc
        >>> model = merc.load()
        >>> model.label_set.names
        ('neutral', 'surprise', 'fear', 'sadness', 'joy', 'disgust', 'anger')
    """

    def annotate(
        self,
        source: Source,
        transcript: TranscriptSource | None = None,
        *,
        options: Options | None = None,
        name: str | None = None,
        transcript_name: str | None = None,
        hook: Progress = no_progress,
    ) -> Annotation:
        """Annotates one recording or transcript; see `merc.annotation.annotator.annotate`."""
        return annotate(source, transcript, model=self, options=options, name=name, transcript_name=transcript_name, hook=hook)

    def export(self, path: str | Path) -> tuple[Path, Path]:
        """Writes the network as one file of ONNX, and a description in JSON; see `merc.inference.exported.export`."""
        from merc.inference.exported import export

        return export(self, path)


def load(name: str | Path | None = None, *, backend: BackendChoice = "auto") -> Model:
    """A trained model; see `merc.inference.loading.load_model`.

    Example:
        >>> import merc
        >>> merc.load().modalities
        ('text', 'audio')
    """
    return load_model(name, Model, backend)
