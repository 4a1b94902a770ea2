"""SDT: self- and cross-attention between all pairs of modalities, gates, and self-distillation from the fused classifier.

After Ma et al., "A Transformer-Based Model With Self-Distillation for Multimodal Emotion Recognition in Conversations", IEEE
Transactions on Multimedia 2024, for any number of modalities and of speakers. What is marked `chosen` is ours.

Letters in shapes: B conversations, T utterances, C classes, M modalities, H heads, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.files.shapes import Float
from merc.networks.attention import key_bias, sinusoids
from merc.networks.cmath.distillation import softened_kl
from merc.networks.interface import Classify, Level, NetworkOutput, loss_at, masked_mean
from merc.networks.registry import register_network
from merc.networks.rivals.crossmodal import CrossmodalConfig, CrossmodalLayer, CrossmodalNetwork


@register_network
class SDTConfig(CrossmodalConfig):
    """Sizes of the rival. The published network has width 1024; temperature 1 on IEMOCAP and 8 on MELD.

    The published loss is the plain sum of the three terms: `objective` with unimodal 1, logit 1 and ramp_epochs 0.

    Attributes:
        dropout: everywhere.
        temperature: of the distillation.
        speakers: how many speakers have an embedding of their own. Later ones share the last [chosen].
    """

    name: str = "sdt"
    width: int = Field(default=128, ge=4)
    heads: int = Field(default=8, ge=1)
    dropout: float = Field(default=0.5, ge=0, lt=1)
    temperature: float = Field(default=1.0, gt=0)
    speakers: int = Field(default=9, ge=1)

    def build(self, widths: Mapping[str, int], classes: int) -> SDT:
        return SDT(self, widths, classes)


class SDT(CrossmodalNetwork):
    """The network."""

    def __init__(self, config: SDTConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__(config, widths)
        d = config.width
        self.config = config
        self.speaker = nn.Embedding(config.speakers, d)
        self.views = nn.ModuleDict({m: View([m, *(n for n in widths if n != m)], d, config.heads, config.dropout) for m in widths})
        self.weigh = nn.Linear(d, d, bias=False) if len(widths) > 1 else None  # one modality is not weighed
        self.classifier = nn.Linear(d, classes)  # chosen: one linear layer for each classifier
        self.unimodal_classifiers = nn.ModuleDict({m: nn.Linear(d, classes) for m in widths})

    def forward(self, batch: Batch) -> NetworkOutput:
        # The original adds positions and speakers inside each encoder: here they are the same for all encoders [chosen].
        place_Td = sinusoids(batch.valid.shape[1], self.config.width, batch.valid.device)
        who_BTd = self.speaker(batch.speakers.clamp(0, self.config.speakers - 1)) * batch.valid[..., None]  # zero in the padding
        streams, bias_BHTT = self.streams(batch, place_Td + who_BTd), key_bias(batch.valid, self.config.heads)
        views = {m: view(m, streams, bias_BHTT) for m, view in self.views.items()}
        unimodal = {m: Level(classify(views[m])) for m, classify in self.unimodal_classifiers.items()}
        return NetworkOutput(Level(self.classifier(self._fuse(torch.stack(list(views.values()))))), unimodal=unimodal)

    def terms(
        self, output: NetworkOutput, batch: Batch, classify: Classify, teacher: NetworkOutput | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """Coarse, unimodal and logit; the last two are sums over the modalities.

        As in the original, every modality is judged on all labelled utterances, whether it is present or not.
        """
        levels = output.unimodal.values()
        coarse, temperature = output.coarse.logits, self.config.temperature
        return {
            "coarse": loss_at(batch.labelled, output.coarse, batch, classify),
            "unimodal": torch.stack([loss_at(batch.labelled, level, batch, classify) for level in levels]).sum(),
            # As in the original the teacher is not detached, so it is drawn towards its students too, and there is no factor T^2.
            "logit": torch.stack([masked_mean(softened_kl(coarse, x.logits, temperature), batch.valid) for x in levels]).sum(),
        }

    def _fuse(self, views_MBTd: Float[Tensor, "M B T d"]) -> Float[Tensor, "B T d"]:
        """sum_m softmax_m(W H_m) * H_m, each column for itself."""
        if self.weigh is None:
            return views_MBTd[0]
        return (self.weigh(views_MBTd).softmax(dim=0) * views_MBTd).sum(dim=0)


class View(nn.Module):
    """One modality reads itself and all others: an encoder for each of the sources, their outputs merged to H_m."""

    def __init__(self, sources: Sequence[str], d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.encoders = nn.ModuleDict({source: Encoder(d, heads, dropout) for source in sources})
        self.merge = nn.Linear(len(sources) * d, d)

    def forward(
        self, target: str, streams: Mapping[str, Float[Tensor, "B T d"]], bias_BHTT: Float[Tensor, "B H T T"]
    ) -> Float[Tensor, "B T d"]:
        """H_m of the modality named `target`."""
        read = [encoder(streams[target], streams[source], bias_BHTT) for source, encoder in self.encoders.items()]
        return self.merge(torch.cat(read, dim=-1))


class Encoder(CrossmodalLayer):
    """A target reads a source, and the unimodal gate follows.

    Chosen: one LayerNorm for target and source; a gate for each encoder, without bias.
    """

    norm: nn.LayerNorm

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__({"norm": nn.LayerNorm(d)}, d, heads, dropout, 1, F.gelu)
        self.gate = nn.Linear(d, d, bias=False)

    def forward(
        self, target_BTd: Float[Tensor, "B T d"], source_BTd: Float[Tensor, "B T d"], bias_BHTT: Float[Tensor, "B H T T"]
    ) -> Float[Tensor, "B T d"]:
        """sigmoid(W h) * h, where h is the layer's output."""
        source = self.norm(source_BTd)  # before the target's, or the gradients would be added in another order
        h_BTd = self.read(target_BTd, self.norm(target_BTd), source, bias_BHTT)
        return torch.sigmoid(self.gate(h_BTd)) * h_BTd
