"""What a trained run is judged by beside its study: new draws of planted streams, and whether trust falls under noise."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load as load_tensors

from merc.data.schema import Conversation, Corpus, Part
from merc.data.store.store import open_store
from merc.evaluation.perturbation import Perturbation, perturb, without
from merc.evaluation.trust import loss_increases, trust_agreement
from merc.files.staged_file import write_atomically
from merc.files.tensors import tensor_bytes
from merc.inference.loading import load
from merc.inference.predictions import concatenated
from merc.inference.recogniser import Recogniser
from merc.runs.corpus import mapped
from merc.studies.task import RUN, Task
from merc.synthetic.planting import PLANTED_NOTE, RowState, planted_truth, redrawn

FIRST_REDRAW = 1000  # the seed of the first new draw


@dataclass(frozen=True, slots=True)
class Judgement:
    """One trained run to be judged further, on the part that its task names.

    Attributes:
        study: folder of which the task's is a part.
        redraws: new draws of the planted streams; 0 judges none.
        trust: whether to look at trust.
    """

    task: Task
    study: Path
    store: Path
    redraws: int
    trust: bool

    @property
    def redrawn_file(self) -> Path:
        """The probabilities on the new draws."""
        return self.study / self.task.folder / f"redrawn{self._of_part}-{self.redraws}.safetensors"

    @property
    def trust_file(self) -> Path:
        """What is known of trust."""
        return self.study / self.task.folder / f"trust{self._of_part}.json"

    @property
    def _of_part(self) -> str:
        return "" if self.task.part == "validation" else f"-{self.task.part}"

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to be judged."""
        return (not self.redraws or self.redrawn_file.is_file()) and (not self.trust or self.trust_file.is_file())

    def probabilities(self) -> NDArray[np.float32]:
        """(R x N, C): the part's utterances of the first draw, then those of the second, and so on."""
        return load_tensors(self.redrawn_file.read_bytes())["probabilities"]

    def trust_found(self) -> dict[str, float]:
        """`mean/MODALITY`, `falls/MODALITY` and `agreement` (see `trust_of`); nothing of a network without trust."""
        return json.loads(self.trust_file.read_text(encoding="utf-8"))


def judge(judgement: Judgement) -> None:
    """Judges what is not judged yet."""
    task = judgement.task
    recogniser, corpus = load(judgement.study / task.folder / RUN), mapped(_opened(judgement.store), task.recipe)
    if judgement.redraws and not judgement.redrawn_file.is_file():
        samples = [recogniser.preprocessor.sample(c) for c in redrawn_part(corpus, task.split, task.part, judgement.redraws)]
        found = concatenated(recogniser.infer(samples)).probabilities.astype(np.float32)
        write_atomically(judgement.redrawn_file, tensor_bytes({"probabilities": found}))
    if judgement.trust and not judgement.trust_file.is_file():
        found = trust_of(recogniser, corpus, task.split, task.part)
        write_atomically(judgement.trust_file, (json.dumps(found, indent=1) + "\n").encode())


def redrawn_part(corpus: Corpus, split: str, part: Part, draws: int) -> list[Conversation]:
    """A part, once for each new draw of its planted streams."""
    conversations, seeds = corpus.part(split, part), range(FIRST_REDRAW, FIRST_REDRAW + draws)
    return [replace(c, id=f"{c.id} {seed}") for seed in seeds for c in redrawn(corpus, conversations, seed)]


def trust_of(recogniser: Recogniser, corpus: Corpus, split: str, part: Part) -> dict[str, float]:
    """How trust behaves on a part; empty for a network without trust.

    Returns:
        `mean/MODALITY`: mean trust over the utterances that have it. `falls/MODALITY`: share of the utterances whose trust in it
        falls when noise replaces it; those without another modality do not count, and of planted streams only the rows that carry
        a signal. `agreement`: Kendall's tau (see `merc.evaluation.trust`), if it is defined.
    """
    conversations = corpus.part(split, part)
    samples = [recogniser.preprocessor.sample(c) for c in conversations]
    clean, present = concatenated(recogniser.infer(samples)), np.concatenate([s.present for s in samples])
    if clean.trust is None:
        return {}
    found = {
        f"mean/{m}": float(clean.trust[present[:, i], i].mean()) for i, m in enumerate(recogniser.modalities) if present[:, i].any()
    }
    true, several = np.concatenate([s.labels for s in samples]), present.sum(axis=1) > 1
    if several[true >= 0].any():
        left_out = {m: concatenated(recogniser.infer([without(s, [m]) for s in samples])) for m in recogniser.modalities}
        increases = loss_increases(true, clean.probabilities, {m: each.probabilities for m, each in left_out.items()})
        tau = trust_agreement(clean.trust, present, increases, recogniser.modalities).kendall_tau
        found |= {} if tau is None else {"agreement": tau}
    truth = planted_truth(corpus) if PLANTED_NOTE in corpus.notes else {}
    for i, modality in enumerate(recogniser.modalities):
        counted = present[:, i] & several
        if modality in truth:
            counted &= np.concatenate([truth[modality][c.id] for c in conversations]) == RowState.SIGNAL
        noisy = [perturb(s, [Perturbation(modality=modality, kind="noise", amount=1.0)], seed=0) for s in samples]
        after = concatenated(recogniser.infer(noisy)).trust
        if after is not None and counted.any():
            found[f"falls/{modality}"] = float((after < clean.trust)[counted, i].mean())
    return found


@lru_cache(maxsize=1)
def _opened(store: Path) -> Corpus:
    return open_store(store)
