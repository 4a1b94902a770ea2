"""CMATH: reconstruction, asymmetric towers, variational fusion and hierarchical distillation in one network (docs/model.md).

Letters in shapes: B conversations, T utterances, C classes, M modalities, S towers, d model width, Z latent width.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from merc.data.batching import Batch
from merc.errors import RecipeError
from merc.files.shapes import Bool, Float
from merc.networks.attention import AttentionConfig, Relations, check_heads
from merc.networks.cmath.cma_transformer import AuxiliaryReading, Tower, TowerConfig
from merc.networks.cmath.distillation import DistillationConfig, latent_term, logit_term
from merc.networks.cmath.fusion import (
    Fusion,
    FusionConfig,
    PosteriorHead,
    kl_to_standard_normal,
    sample,
    trust_of,
    with_evidence,
)
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

    @classmethod
    def completed(cls, values: Mapping[str, object]) -> Mapping[str, object]:
        """Older models have one reading, gradients through the fusion, and offsets from a layer as wide as the model."""
        width = values.get("width", cls.model_fields["width"].default)
        before = {"tower": {"reading": "shared"}, "fusion": {"kind": "pool", "detached": False, "offset_hidden": width}}
        return {**values, **{name: _under(values.get(name, {}), section) for name, section in before.items()}}

    def build(self, widths: Mapping[str, int], classes: int) -> CMATH:
        return CMATH(self, widths, classes)


def _under(given: object, defaults: Mapping[str, object]) -> object:
    """A section with defaults laid under it; as it is if it is none, which validation will tell."""
    return {**defaults, **cast("Mapping[str, object]", given)} if isinstance(given, Mapping) else given


@dataclass(frozen=True, slots=True, eq=False)
class _Posteriors:
    """Of all levels: tower -> posterior, modality -> posterior."""

    coarse: Posterior
    fine: Mapping[str, Posterior]
    unimodal: Mapping[str, Posterior]


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
        d, z, dropout = config.width, config.fusion.latent, config.dropout
        attention, tower, fusion = config.attention, config.tower, config.fusion
        symmetric = tower.auxiliaries == "symmetric"
        self.reconstruction = nn.ModuleDict(
            {m: ModalityReconstruction(config.reconstruction, w, d, dropout, attention.causal) for m, w in widths.items()}
        )
        self.norms = nn.ModuleDict(
            {m: nn.LayerNorm(d) for m in modalities}
        )  # for towers; not in Z, whose length tells noise from data
        # Never detached: representations that tell noise from data are what trust is made of.
        self.unimodal_posterior = nn.ModuleDict({m: PosteriorHead(d, fusion, detached=False) for m in modalities})
        others = {} if symmetric else {c: [m for m in modalities if m != c] for c in central}
        self.towers = nn.ModuleDict({c: Tower(attention, tower, d, auxiliaries, dropout) for c, auxiliaries in others.items()})
        readers = {m: [c for c in others if c != m] for m in modalities if tower.reading == "own"}
        self.readings = nn.ModuleDict({m: AuxiliaryReading(widths[m], d, len(of)) for m, of in readers.items() if of})
        self.symmetric = SymmetricTransformer(attention, tower, d, modalities, dropout) if symmetric else None
        self.fine_posterior = nn.ModuleDict({c: PosteriorHead(d, fusion, detached=fusion.detached) for c in central})
        self.fusion = Fusion(fusion, len(central), d)
        pooled = fusion.kind == "opinions"  # then the towers answer, so they get the evidence
        self.offset = nn.Parameter(torch.zeros(classes)) if pooled else None
        self.evidence = nn.Parameter(torch.ones(len(central if pooled else modalities))) if fusion.evidence else None
        self.dropout = Dropout(dropout)
        self.unimodal_classifier = nn.Linear(z, classes)
        self.fine_classifier = nn.Linear(z, classes)
        self.coarse_classifier = None if pooled else nn.Linear(z, classes)

    def forward(self, batch: Batch) -> NetworkOutput:
        relations = Relations.of(batch, self.config.attention)
        compressed = {m: path(batch.inputs[m], relations.present[m], batch.valid) for m, path in self.reconstruction.items()}
        normed = {m: norm(compressed[m].z) for m, norm in self.norms.items()}
        if self.symmetric is None:
            read = self._read(normed, batch)
            refined = {c: tower(normed[c], read[c], relations) for c, tower in self.towers.items()}
        else:
            streams = self.symmetric(normed, relations)
            refined = {c: streams[c] for c in self.central}
        fine = {c: self.fine_posterior[c](f) for c, f in refined.items()}
        posteriors = _Posteriors(
            coarse=self._fuse(fine, torch.stack(list(refined.values())), batch),
            fine=fine,
            unimodal={m: head(compressed[m].z) for m, head in self.unimodal_posterior.items()},
        )
        rebuilt = dict[str, Tensor]()
        if self.training and self.config.reconstruction.enabled:
            for m, of_modality in compressed.items():
                rebuilt[m] = cast(ModalityReconstruction, self.reconstruction[m]).expand(of_modality, batch.valid)
        return self._output(posteriors, rebuilt, batch, by_mean=False)

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
        posteriors = _Posteriors(
            coarse=_posterior(output.coarse),
            fine={c: _posterior(level) for c, level in output.fine.items()},
            unimodal={m: _posterior(level) for m, level in output.unimodal.items()},
        )
        return self._output(posteriors, {}, batch, by_mean=True)

    @property
    def class_parameters(self) -> tuple[nn.Parameter, ...]:
        """Weights and biases of the classifiers, and the offsets: what has a row for each class."""
        classifiers = [self.coarse_classifier, self.fine_classifier, self.unimodal_classifier]
        of_classifiers = [p for classifier in classifiers if classifier is not None for p in classifier.parameters()]
        return (*of_classifiers, *(() if self.offset is None else (self.offset,)))

    @property
    def offsets(self) -> nn.Parameter:
        """What is added to the coarse logits of each class: (C,)."""
        if self.offset is not None:
            return self.offset
        assert self.coarse_classifier is not None
        return self.coarse_classifier.bias

    def _output(
        self,
        posteriors: _Posteriors,
        rebuilt: Mapping[str, Float[Tensor, "B T _"]],
        batch: Batch,
        *,
        by_mean: bool,
    ) -> NetworkOutput:
        """The levels of posteriors: by their means alone, or in training with dropout and draws."""
        variational, pooled = self.config.fusion.variational, self.offset is not None

        def classified(posterior: Posterior, classifier: nn.Module, *, drawn: bool) -> Float[Tensor, "B T C"]:
            if by_mean:
                return classifier(posterior.mean)
            drawn = drawn and self.training and variational  # else no loss reaches the variances, so they mean nothing
            return classifier(self.dropout(sample(self._spread(posterior)) if drawn else posterior.mean))

        unimodal = {m: Level(classified(q, self.unimodal_classifier, drawn=False), q) for m, q in posteriors.unimodal.items()}
        fine = {c: Level(classified(q, self.fine_classifier, drawn=pooled), q) for c, q in posteriors.fine.items()}
        if self.offset is not None:
            if self.evidence is not None:
                fine = {c: self._with_own_evidence(i, level, unimodal[c], batch) for i, (c, level) in enumerate(fine.items())}
            variances = torch.stack([q.log_variance for q in posteriors.fine.values()])
            logits = self.fusion.opinion(self._stopped(_logits(fine)), variances, self._taken(batch)) + self.offset
        else:
            assert self.coarse_classifier is not None
            logits = classified(posteriors.coarse, self.coarse_classifier, drawn=True)
            if self.evidence is not None:
                logits = with_evidence(logits, self._stopped(_logits(unimodal)), self.evidence, batch.present)
        of_unimodal = torch.stack([_posterior(level).log_variance for level in unimodal.values()])
        return NetworkOutput(
            coarse=Level(logits, posteriors.coarse),
            fine=fine,
            unimodal=unimodal,
            reconstructions=rebuilt,
            trust=trust_of(of_unimodal, batch.present) if self.config.has_trust else None,
            uncertainty=posteriors.coarse.log_variance.exp().mean(dim=-1) if variational else None,
        )

    def _read(
        self, normed: Mapping[str, Float[Tensor, "B T d"]], batch: Batch
    ) -> Mapping[str, Mapping[str, Float[Tensor, "B T d"]]]:
        """Tower -> auxiliary -> what the tower reads of it: for itself, or as all towers do."""
        if not self.readings:
            return dict.fromkeys(self.towers, normed)
        read: dict[str, dict[str, Tensor]] = {c: {} for c in self.towers}
        for m, reading in self.readings.items():
            for c, x in zip((c for c in self.towers if c != m), reading(batch.inputs[m]), strict=True):
                read[c][m] = x
        return read

    def _with_own_evidence(self, i: int, fine: Level, unimodal: Level, batch: Batch) -> Level:
        """The answer of the i-th tower with the evidence of its centre."""
        assert self.evidence is not None
        present = batch.present[..., self.modalities.index(self.central[i])][..., None]
        return Level(with_evidence(fine.logits, unimodal.logits[None], self.evidence[i : i + 1], present), fine.posterior)

    def _stopped(self, x: Tensor) -> Tensor:
        """What fusion reads of the towers: in training behind a stop of the gradient where it is detached.

        Heads that are fitted to a finished body, in evaluation mode, get the gradient of the answer that they give.
        """
        return x.detach() if self.config.fusion.detached and self.training else x

    def _spread(self, posterior: Posterior) -> Posterior:
        """A posterior to draw from, whose variance the draw does not train where fusion is detached."""
        return Posterior(posterior.mean, self._stopped(posterior.log_variance))

    def _taken(self, batch: Batch) -> Bool[Tensor, "S B T"]:
        """The towers that are fused: those whose centre is present; where none is, all, since context decides."""
        central_present = batch.present[..., [self.modalities.index(c) for c in self.central]].permute(2, 0, 1)
        return central_present | ~central_present.any(dim=0, keepdim=True)

    def _fuse(self, fine: Mapping[str, Posterior], refined_SBTd: Float[Tensor, "S B T d"], batch: Batch) -> Posterior:
        means = self._stopped(torch.stack([q.mean for q in fine.values()]))
        log_variances = torch.stack([q.log_variance for q in fine.values()])
        return self.fusion(means, log_variances, self._stopped(refined_SBTd), self._taken(batch))

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


def _logits(levels: Mapping[str, Level]) -> Float[Tensor, "N B T C"]:
    return torch.stack([level.logits for level in levels.values()])


def _mean(terms: list[Float[Tensor, ""]]) -> Float[Tensor, ""]:
    return torch.stack(terms).mean()
