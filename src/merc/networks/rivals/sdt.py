"""SDT: self- and cross-attention between all pairs of modalities, gates, and self-distillation from the fused classifier.

After Ma et al., "A Transformer-Based Model With Self-Distillation for Multimodal Emotion Recognition in Conversations", IEEE
Transactions on Multimedia 2024, for any number of modalities and of speakers. What is marked `chosen` is ours.

Letters in shapes: B conversations, T utterances, C classes, M modalities, H heads, d model width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from jaxtyping import Bool, Float, Int64
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn import functional as F

from merc.data.batching import Batch
from merc.networks.attention import attend, check_heads, key_bias, sinusoids
from merc.networks.dropout import Dropout
from merc.networks.interface import Classify, Level, Network, NetworkOutput, check_names
from merc.networks.registry import NetworkConfig, register_network


@register_network
class SDTConfig(NetworkConfig):
    """Sizes of the rival. The published network has width 1024; temperature 1 on IEMOCAP and 8 on MELD.

    The published loss is the plain sum of the three terms: `objective` with unimodal 1, logit 1 and ramp_epochs 0.

    Attributes:
        name: tells configs of networks apart.
        width: d.
        heads: H of every encoder; must divide the width.
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

    @model_validator(mode="after")
    def _heads_divide_width(self) -> SDTConfig:
        check_heads(self.width, self.heads, "heads")
        return self

    def build(self, widths: Mapping[str, int], classes: int) -> SDT:
        """The network for inputs of these widths (modality -> columns).

        Raises:
            RecipeError: a modality has a name that torch keeps for itself.
        """
        return SDT(self, widths, classes)


class SDT(Network):
    """The network."""

    def __init__(self, config: SDTConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        check_names(widths)
        d = config.width
        self.config = config
        self.modalities = tuple(widths)
        self.project = nn.ModuleDict({m: nn.Linear(w, d, bias=False) for m, w in widths.items()})
        self.absent = nn.Parameter(torch.zeros(len(widths), d))  # chosen: stands for a modality that is absent
        self.speaker = nn.Embedding(config.speakers, d)
        self.views = nn.ModuleDict({m: View([m, *(n for n in widths if n != m)], d, config.heads, config.dropout) for m in widths})
        self.weigh = nn.Linear(d, d, bias=False) if len(widths) > 1 else None  # one modality is not weighed
        self.classifier = nn.Linear(d, classes)  # chosen: one linear layer for each classifier
        self.unimodal_classifiers = nn.ModuleDict({m: nn.Linear(d, classes) for m in widths})

    def forward(self, batch: Batch) -> NetworkOutput:
        """Judges a batch whose modalities are those that the network was built for, in that order."""
        streams, bias_BHTT = self._streams(batch), key_bias(batch.valid, self.config.heads)
        views = {m: view(m, streams, bias_BHTT) for m, view in self.views.items()}
        unimodal = {m: Level(classify(views[m])) for m, classify in self.unimodal_classifiers.items()}
        return NetworkOutput(Level(self.classifier(self._fuse(torch.stack(list(views.values()))))), unimodal=unimodal)

    def terms(
        self, output: NetworkOutput, batch: Batch, classify: Classify, teacher: NetworkOutput | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """Coarse, unimodal and logit; the last two are sums over the modalities.

        As in the original, every modality is judged on all labelled utterances, whether it is present or not.
        """
        at, labels = batch.labelled, batch.labels[batch.labelled]
        levels = list(output.unimodal.values())
        coarse, temperature = output.coarse.logits, self.config.temperature
        return {
            "coarse": classify(coarse[at], labels),
            "unimodal": torch.stack([classify(level.logits[at], labels) for level in levels]).sum(),
            "logit": torch.stack([self_distillation(coarse, x.logits, temperature, batch.valid) for x in levels]).sum(),
        }

    def _streams(self, batch: Batch) -> dict[str, Float[Tensor, "B T d"]]:
        """What every encoder reads: projected inputs, plus position, plus speaker.

        The original adds the last two inside each encoder. All encoders have one layer and read these streams, and positions and
        speaker embeddings are the same for all [chosen], so they are added once.
        """
        place_BTd = sinusoids(batch.valid.shape[1], self.config.width, batch.valid.device) + self._who(batch.speakers, batch.valid)
        return {
            m: torch.where(batch.present[..., i, None], project(batch.inputs[m]), self.absent[i]) + place_BTd
            for i, (m, project) in enumerate(self.project.items())
        }

    def _who(self, speakers_BT: Int64[Tensor, "B T"], valid_BT: Bool[Tensor, "B T"]) -> Float[Tensor, "B T d"]:
        """The speakers' embeddings; zero in the padding."""
        return self.speaker(speakers_BT.clamp(0, self.config.speakers - 1)) * valid_BT[..., None]

    def _fuse(self, views_MBTd: Float[Tensor, "M B T d"]) -> Float[Tensor, "B T d"]:
        """sum_m softmax_m(W H_m) * H_m, each column for itself."""
        if self.weigh is None:
            return views_MBTd[0]
        return (self.weigh(views_MBTd).softmax(dim=0) * views_MBTd).sum(dim=0)


class View(nn.Module):
    """One modality as it sees itself and all others: an encoder a source, their outputs merged to H_m.

    Args:
        sources: the modality itself, then the others.
        d: model width.
        heads: of every encoder.
        dropout: of every encoder.
    """

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


class Encoder(nn.Module):
    """One transformer layer in which a target reads a source, and the unimodal gate behind it.

    Chosen: pre-norm, with one LayerNorm for target and source; dropout behind attention, inside and behind the feed-forward layer;
    a gate for each encoder, without bias.
    """

    def __init__(self, d: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(d)
        self.query = nn.Linear(d, d)
        self.kv_projection = nn.Linear(d, 2 * d)  # keys and values
        self.project_out = nn.Linear(d, d)
        self.norm_feed = nn.LayerNorm(d)
        self.feed_1 = nn.Linear(d, d)
        self.feed_2 = nn.Linear(d, d)
        self.gate = nn.Linear(d, d, bias=False)
        self.dropout = Dropout(dropout)

    def forward(
        self, target_BTd: Float[Tensor, "B T d"], source_BTd: Float[Tensor, "B T d"], bias_BHTT: Float[Tensor, "B H T T"]
    ) -> Float[Tensor, "B T d"]:
        """sigmoid(W h) * h, where h is the layer's output."""
        k, v = self.kv_projection(self.norm(source_BTd)).chunk(2, dim=-1)
        attended = attend(self.query(self.norm(target_BTd)), k, v, bias_BHTT, self.heads)
        h_BTd = target_BTd + self.dropout(self.project_out(attended))
        hidden = self.dropout(F.gelu(self.feed_1(self.norm_feed(h_BTd))))
        h_BTd = h_BTd + self.dropout(self.feed_2(hidden))
        return torch.sigmoid(self.gate(h_BTd)) * h_BTd


def self_distillation(
    teacher_BTC: Float[Tensor, "B T C"], student_BTC: Float[Tensor, "B T C"], temperature: float, valid_BT: Bool[Tensor, "B T"]
) -> Float[Tensor, ""]:
    """KL(softmax(teacher/T) || softmax(student/T)), mean over the valid utterances.

    As in the original the teacher is not detached, so it is drawn towards its students too, and there is no factor T^2.
    """
    teacher, student = (F.log_softmax(x / temperature, dim=-1) for x in (teacher_BTC, student_BTC))
    kl_BT = (teacher.exp() * (teacher - student)).sum(dim=-1)
    return (kl_BT * valid_BT).sum() / valid_BT.sum().clamp_min(1)
