"""CMATH: reconstruction, asymmetric towers, variational fusion and hierarchical distillation in one network (docs/model.md).

Letters in shapes: B conversations, T utterances, C classes, M modalities, S towers, d model width, Z latent width.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from merc.data.batching import Batch
from merc.errors import RecipeError
from merc.files.shapes import Float
from merc.networks.attention import AttentionConfig, Relations, check_heads
from merc.networks.cmath.cma_transformer import Tower, TowerConfig
from merc.networks.cmath.distillation import DistillationConfig, latent_term, logit_term
from merc.networks.cmath.fusion import Fusion, FusionConfig, PosteriorHead, kl_to_standard_normal, sample, trust_of
from merc.networks.cmath.reconstruction import ModalityReconstruction, ReconstructionConfig, reconstruction_loss
from merc.networks.cmath.symmetric_transformer import SymmetricTransformer
from merc.networks.dropout import Dropout
from merc.networks.interface import Classify, Level, Network, NetworkOutput, Posterior, check_names, loss_at
from merc.networks.registry import NetworkConfig, register_network


@register_network
class CMATHConfig(NetworkConfig):
    """CMATH's sizes and switches.

    Attributes:
        width: d.
        dropout: everywhere.
        central: the modalities that get a tower; None is all of them.
        reconstruction, attention, tower, fusion, distillation: the parts.
    """

    name: str = "cmath"
    width: int = Field(default=128, ge=4)
    dropout: float = Field(default=0.4, ge=0, lt=1)
    central: tuple[str, ...] | None = None
    reconstruction: ReconstructionConfig = ReconstructionConfig()
    attention: AttentionConfig = AttentionConfig()
    tower: TowerConfig = TowerConfig()
    fusion: FusionConfig = FusionConfig()
    distillation: DistillationConfig = DistillationConfig()

    @model_validator(mode="after")
    def _heads_divide_width(self) -> CMATHConfig:
        check_heads(self.width, self.attention.heads, "attention.heads")
        return self

    @property
    def is_causal(self) -> bool:
        """With `attention.causal`."""
        return self.attention.causal

    @property
    def has_trust(self) -> bool:
        """Whether something teaches the unimodal variances, which trust is made of."""
        return self.fusion.variational and self.distillation.fine_to_unimodal

    def build(self, widths: Mapping[str, int], classes: int) -> CMATH:
        return CMATH(self, widths, classes)


class CMATH(Network):
    """The network. Only `forward` in training mode samples latents and reconstructs inputs."""

    def __init__(self, config: CMATHConfig, widths: Mapping[str, int], classes: int) -> None:
        super().__init__()
        modalities = tuple(widths)
        central = modalities if config.central is None else config.central
        unknown = [name for name in central if name not in widths]
        if unknown or not central or len(set(central)) != len(central):
            raise RecipeError(f"model.central is {list(central)}; allowed: one or more, each once, of {', '.join(modalities)}")
        check_names(modalities)
        self.config = config
        self.modalities = modalities
        self.central = central
        d, z, dropout, causal = config.width, config.fusion.latent, config.dropout, config.attention.causal
        self.reconstruction = nn.ModuleDict(
            {m: ModalityReconstruction(config.reconstruction, widths[m], d, dropout, causal) for m in modalities}
        )
        self.norms = nn.ModuleDict({m: nn.LayerNorm(d) for m in modalities})  # not in Z itself: its length tells noise from data
        attention, tower = config.attention, config.tower
        symmetric = tower.auxiliaries == "symmetric"
        others = {} if symmetric else {c: [m for m in modalities if m != c] for c in central}
        self.towers = nn.ModuleDict({c: Tower(attention, tower, d, auxiliaries, dropout) for c, auxiliaries in others.items()})
        self.symmetric = SymmetricTransformer(attention, tower, d, modalities, dropout) if symmetric else None
        self.unimodal_posterior = nn.ModuleDict({m: PosteriorHead(d, z) for m in modalities})
        self.fine_posterior = nn.ModuleDict({c: PosteriorHead(d, z) for c in central})
        self.fusion = Fusion(config.fusion, len(central), d)
        self.evidence = nn.Parameter(torch.ones(len(modalities))) if config.fusion.evidence else None
        self.dropout = Dropout(dropout)
        self.unimodal_classifier = nn.Linear(z, classes)
        self.fine_classifier = nn.Linear(z, classes)
        self.coarse_classifier = nn.Linear(z, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        relations = Relations.of(batch, self.config.attention)
        compressed = {m: self.reconstruction[m](batch.inputs[m], relations.present[m], batch.valid) for m in self.modalities}
        unimodal = {m: self._level(self.unimodal_posterior[m](z), self.unimodal_classifier) for m, z in compressed.items()}
        normed = {m: self.norms[m](z) for m, z in compressed.items()}
        if self.symmetric is None:
            refined = {c: tower(normed[c], normed, relations) for c, tower in self.towers.items()}
        else:
            streams = self.symmetric(normed, relations)
            refined = {c: streams[c] for c in self.central}
        fine = {c: self._level(self.fine_posterior[c](f), self.fine_classifier) for c, f in refined.items()}
        coarse = self._fuse(fine, torch.stack(list(refined.values())), batch)
        reconstructions = dict[str, Tensor]()
        if self.training and self.config.reconstruction.enabled:
            for m, z in compressed.items():
                reconstructions[m] = cast(ModalityReconstruction, self.reconstruction[m]).expand(z, batch.valid)
        variational = self.config.fusion.variational  # without it no loss reaches the variances, so they mean nothing
        level = self._level(coarse, self.coarse_classifier, drawn=self.training and variational)
        log_variances = [_posterior(v).log_variance for v in unimodal.values()]
        return NetworkOutput(
            coarse=self._with_evidence(level, unimodal, batch),
            fine=fine,
            unimodal=unimodal,
            reconstructions=reconstructions,
            trust=trust_of(torch.stack(log_variances), batch.present) if self.config.has_trust else None,
            uncertainty=coarse.log_variance.exp().mean(dim=-1) if variational else None,
        )

    @property
    def wants_teacher(self) -> bool:
        """True if the averaged network teaches."""
        distillation = self.config.distillation
        return distillation.teacher == "average" and (distillation.coarse_to_fine or distillation.fine_to_unimodal)

    def terms(
        self, output: NetworkOutput, batch: Batch, classify: Classify, teacher: NetworkOutput | None = None
    ) -> dict[str, Float[Tensor, ""]]:
        """Coarse, fine, unimodal, reconstruction, kl, logit and latent, each the mean over its students (docs/model.md).

        Without a teacher the output teaches itself, by its posteriors' means.
        """
        labelled, present = batch.labelled, {m: batch.present[..., i] for i, m in enumerate(self.modalities)}
        terms = {
            "coarse": loss_at(labelled, output.coarse, batch, classify),
            "fine": _mean([loss_at(labelled, level, batch, classify) for level in output.fine.values()]),
            "unimodal": _mean([loss_at(labelled & present[m], level, batch, classify) for m, level in output.unimodal.items()]),
        }
        if rebuilt := output.reconstructions:
            terms["reconstruction"] = _mean([reconstruction_loss(batch.inputs[m], x, present[m]) for m, x in rebuilt.items()])
        if self.config.fusion.variational:
            terms["kl"] = kl_to_standard_normal(_posterior(output.coarse), batch.valid)
        if teacher is None:
            with torch.no_grad():
                teacher = self.classified(output, batch)
        return terms | self._distillation(teacher, output, batch)

    def classified(self, output: NetworkOutput, batch: Batch) -> NetworkOutput:
        """An output with the logits that the classifiers now give to the means of its posteriors, without draw or dropout."""

        def by_mean(level: Level, classifier: nn.Module) -> Level:
            return Level(classifier(_posterior(level).mean), level.posterior)

        fine = {c: by_mean(level, self.fine_classifier) for c, level in output.fine.items()}
        unimodal = {m: by_mean(level, self.unimodal_classifier) for m, level in output.unimodal.items()}
        coarse = self._with_evidence(by_mean(output.coarse, self.coarse_classifier), unimodal, batch)
        return NetworkOutput(coarse, fine, unimodal, trust=output.trust, uncertainty=output.uncertainty)

    @property
    def classifiers(self) -> tuple[nn.Linear, ...]:
        """Of the coarse, the fine and the unimodal level."""
        return self.coarse_classifier, self.fine_classifier, self.unimodal_classifier

    def _with_evidence(self, coarse: Level, unimodal: Mapping[str, Level], batch: Batch) -> Level:
        """Adds the unimodal evidence to the coarse logits, a learned factor a modality."""
        if self.evidence is None:
            return coarse
        logits_BTMC = torch.stack([level.logits for level in unimodal.values()], dim=2)
        weight_BTM = self.evidence * batch.present
        return Level(coarse.logits + (weight_BTM[..., None] * logits_BTMC).sum(dim=2), coarse.posterior)

    def _level(self, posterior: Posterior, classifier: nn.Module, *, drawn: bool = False) -> Level:
        """A level with logits of its posterior's mean, or of a draw from it."""
        return Level(classifier(self.dropout(sample(posterior) if drawn else posterior.mean)), posterior)

    def _fuse(self, fine: Mapping[str, Level], refined_SBTd: Float[Tensor, "S B T d"], batch: Batch) -> Posterior:
        posteriors = [_posterior(level) for level in fine.values()]
        columns = [self.modalities.index(c) for c in self.central]
        central_present = batch.present[..., columns].permute(2, 0, 1)
        taken_SBT = central_present | ~central_present.any(dim=0, keepdim=True)  # where none is present, context decides
        return self.fusion(
            torch.stack([p.mean for p in posteriors]), torch.stack([p.log_variance for p in posteriors]), refined_SBTd, taken_SBT
        )

    def _distillation(self, teacher: NetworkOutput, student: NetworkOutput, batch: Batch) -> dict[str, Float[Tensor, ""]]:
        """The terms logit and latent; none if no level teaches."""
        config = self.config.distillation
        pairs: list[tuple[Level, Level, Tensor, bool]] = []  # teacher, student, mask (B, T), whether the student's mean learns too
        if config.coarse_to_fine:
            pairs += [(teacher.coarse, level, batch.valid, False) for level in student.fine.values()]
        if config.fine_to_unimodal:
            for i, (m, level) in enumerate(student.unimodal.items()):
                pairs.append((teacher.fine.get(m, teacher.coarse), level, batch.present[..., i], True))
        terms = dict[str, Tensor]()
        if pairs:
            terms["logit"] = _mean([logit_term(x.logits, y.logits, config.temperature, mask) for x, y, mask, _ in pairs])
            if self.config.fusion.variational:
                terms["latent"] = _mean([latent_term(x, y, mask, moves_mean=moves) for x, y, mask, moves in pairs])
        return terms


def _posterior(level: Level) -> Posterior:
    assert level.posterior is not None
    return level.posterior


def _mean(terms: list[Float[Tensor, ""]]) -> Float[Tensor, ""]:
    return torch.stack(terms).mean()
