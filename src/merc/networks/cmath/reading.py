"""A reading: every modality compressed, and what each says on its own. With a reading of its own a tower errs independently.

[chosen] (docs/model.md): one reading for each tower, or one that all towers share.

Letters in shapes: B conversations, T utterances, W input columns, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from merc.data.batching import Batch
from merc.files.shapes import Float
from merc.networks.attention import Relations
from merc.networks.cmath.reconstruction import Compressed, ModalityReconstruction
from merc.networks.interface import Posterior


@dataclass(frozen=True, slots=True, eq=False)
class Reading:
    """A view of the modules by which one tower, or all, read the modalities.

    Attributes:
        reconstruction: modality -> its `ModalityReconstruction`.
        norms: modality -> the norm before towers; not in Z itself, whose length tells noise from data.
        posterior: modality -> the head of its unimodal posterior.
    """

    reconstruction: nn.ModuleDict
    norms: nn.ModuleDict
    posterior: nn.ModuleDict

    def compress(self, batch: Batch, relations: Relations) -> dict[str, Compressed]:
        """Modality -> Z, and what it was made of."""
        return {m: path(batch.inputs[m], relations.present[m], batch.valid) for m, path in self.reconstruction.items()}

    def posteriors(self, compressed: Mapping[str, Compressed]) -> dict[str, Posterior]:
        """Modality -> what it says on its own."""
        return {m: head(compressed[m].z) for m, head in self.posterior.items()}

    def normed(self, compressed: Mapping[str, Compressed]) -> dict[str, Float[Tensor, "B T d"]]:
        """Modality -> what towers read."""
        return {m: norm(compressed[m].z) for m, norm in self.norms.items()}

    def rebuilt(self, compressed: Mapping[str, Compressed], batch: Batch) -> dict[str, Float[Tensor, "B T W"]]:
        """Modality -> its input rebuilt."""
        paths = ((m, cast(ModalityReconstruction, path)) for m, path in self.reconstruction.items())
        return {m: path.expand(compressed[m], batch.valid) for m, path in paths}
