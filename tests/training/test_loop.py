"""The training loop: schedule, averaging, selection, stopping, seeds, and going on from a checkpoint as if nothing had happened."""

import math
from dataclasses import replace

import pytest
import torch

from merc.data.batching import Batch
from merc.errors import RecipeError, RunError
from merc.networks.interface import Level, Network, NetworkOutput
from merc.training.checkpoint import load_checkpoint
from merc.training.corruption import CorruptionConfig
from merc.training.loop import Trainer, TrainingConfig
from merc.training.objective import Objective, ObjectiveConfig

QUIET = CorruptionConfig(drop_conversation=0, drop_utterance=0, noise_conversation=0, noise_utterance=0)


class Probe(Network):
    """A linear map of the text that keeps what it was given."""

    def __init__(self, teacher=False):
        super().__init__()
        torch.manual_seed(0)
        self.linear = torch.nn.Linear(6, 3)
        self.teacher = teacher
        self.seen, self.pairs, self.told = [], [], []

    def __deepcopy__(self, memo):
        copied = Probe(self.teacher)
        copied.load_state_dict(self.state_dict())
        return copied

    def forward(self, batch):
        self.seen.append(batch)
        return NetworkOutput(Level(self.linear(batch.inputs["text"])))

    def terms(self, output, batch, classify, teacher=None):
        self.pairs.append(teacher)
        at = batch.labelled
        return {"coarse": classify(output.coarse.logits[at], batch.labels[at]), "fine": output.coarse.logits.square().mean()}

    @property
    def wants_teacher(self):
        return self.teacher


class Watch:
    """Hooks that keep what they are told; stops after `stop_after` steps."""

    def __init__(self, scores=None, stop_after=None, network=None):
        self.scores, self.stop_after, self.network = scores, stop_after, network
        self.records, self.steps, self.weights, self.judged = [], [], [], []

    def validate(self, network):
        self.judged.append({name: t.clone() for name, t in network.state_dict().items()})
        score = self.scores[len(self.judged) - 1] if self.scores else 0.1 * len(self.judged)
        return {"weighted_f1": score, "accuracy": 1 - score}

    def progress(self, stage, done, total):
        assert stage == "training"
        self.steps.append((done, total))
        if self.network is not None:
            self.weights.append({name: t.detach().clone() for name, t in self.network.named_parameters()})

    def interrupted(self):
        return self.stop_after is not None and len(self.steps) >= self.stop_after

    def fit(self, trainer, path):
        return trainer.fit(self.validate, path, self.records.append, self.progress, self.interrupted)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "checkpoint.safetensors"


@pytest.fixture(scope="module")
def samples(make_samples):
    return make_samples(lengths=(5, 1, 3, 4, 2, 6), labelled=1.0)


def objective(**changes):
    return Objective(ObjectiveConfig(**changes), [1, 1, 1])


def trainer_of(network, samples, corruption=QUIET, loss=None, **training):
    config = TrainingConfig(**{"epochs": 4, "batch_conversations": 2, "patience": None, "device": "cpu", **training})
    return Trainer(network, samples, config, corruption, loss or objective())


@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5])
def test_the_rate_warms_up_and_falls_along_a_cosine_to_a_hundredth(samples, path, warmup):
    epochs = 20
    watch = Watch()
    watch.fit(trainer_of(Probe(), samples, batch_conversations=6, epochs=epochs, warmup=warmup, learning_rate=2.0), path)
    warm, expected = warmup * epochs, []
    for step in range(epochs):
        if step < warm:
            expected.append(2.0 * (step + 1) / (warm + 1))
        else:
            share = (step - warm) / (epochs - warm)
            expected.append(2.0 * (0.01 + 0.99 * (1 + math.cos(math.pi * share)) / 2))
    found = [record.learning_rate for record in watch.records]
    assert found == pytest.approx(expected)
    peak = found.index(max(found))
    assert found[: peak + 1] == sorted(found[: peak + 1])
    assert found[peak:] == sorted(found[peak:], reverse=True)
    assert max(found) <= 2.0


def test_the_rate_reaches_the_optimiser(samples, path):
    """With a rate near zero nothing moves; with the real one it does."""
    for rate, moves in ((1e-12, False), (0.1, True)):
        network, watch = Probe(), Watch()
        before = network.linear.weight.detach().clone()
        watch.fit(trainer_of(network, samples, epochs=1, learning_rate=rate, average_decay=0.0), path)
        assert torch.allclose(network.linear.weight, before, atol=1e-6) != moves


def test_averaged_weights_step_by_step(samples, path):
    network = Probe()
    average = {name: p.detach().clone() for name, p in network.named_parameters()}
    watch = Watch(network=network)
    watch.fit(trainer_of(network, samples, average_decay=0.6, learning_rate=0.1), path)
    assert len(watch.weights) == 12
    for step, weights in enumerate(watch.weights, 1):
        decay = min(0.6, (1 + step) / (10 + step))
        average = {name: decay * average[name] + (1 - decay) * w for name, w in weights.items()}
        if step % 3 == 0:
            for name, expected in average.items():
                torch.testing.assert_close(watch.judged[step // 3 - 1][name], expected, rtol=1e-5, atol=1e-6)


def test_without_averaging_the_last_weights_are_judged(samples, path):
    network = Probe()
    watch = Watch(network=network)
    watch.fit(trainer_of(network, samples, average_decay=0.0, learning_rate=0.1), path)
    assert torch.equal(watch.judged[0]["linear.weight"], watch.weights[2]["linear.weight"])


def test_the_best_weights_by_weighted_f1_are_kept(samples, path):
    network, watch = Probe(), Watch(scores=[0.3, 0.7, 0.7, 0.5])  # accuracy says otherwise; the first of equals wins
    outcome = watch.fit(trainer_of(network, samples, learning_rate=0.1), path)
    assert (outcome.best_epoch, outcome.best_score, outcome.epochs, outcome.finished) == (2, 0.7, 4, True)
    assert [r.best for r in watch.records] == [True, True, False, False]
    assert torch.equal(network.linear.weight, watch.judged[1]["linear.weight"])
    assert not torch.equal(watch.judged[1]["linear.weight"], watch.judged[3]["linear.weight"])
    assert not network.training


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (None, 6)])
def test_patience_runs_out(samples, path, patience, epochs):
    watch = Watch(scores=[0.3, 0.7, 0.2, 0.6, 0.69, 0.5])
    outcome = watch.fit(trainer_of(Probe(), samples, epochs=6, patience=patience), path)
    assert (outcome.epochs, outcome.best_epoch, outcome.finished) == (epochs, 2, True)
    assert [r.epoch for r in watch.records] == list(range(1, epochs + 1))


def test_every_epoch_sees_every_conversation_once_in_another_order(samples, path):
    network, watch = Probe(), Watch()
    watch.fit(trainer_of(network, samples), path)
    assert watch.steps == [(n, 12) for n in range(1, 13)]
    lengths = [sorted(b.valid.sum(dim=1).tolist()) for b in network.seen]
    epochs = [lengths[start : start + 3] for start in range(0, 12, 3)]
    assert all(sorted(n for lengths in epoch for n in lengths) == [1, 2, 3, 4, 5, 6] for epoch in epochs)
    assert len({repr(epoch) for epoch in epochs}) > 1


def test_a_record_holds_the_means_of_total_and_terms(samples, path):
    watch = Watch()
    watch.fit(trainer_of(Probe(), samples, loss=objective(fine=0.5, ramp_epochs=0)), path)
    for record in watch.records:
        assert set(record.terms) == {"coarse", "fine"}
        assert record.loss == pytest.approx(record.terms["coarse"] + 0.5 * record.terms["fine"], rel=1e-5)
        assert set(record.validation) == {"weighted_f1", "accuracy"}


def test_the_averaged_network_teaches_from_the_batch_before_corruption(samples, path):
    network = Probe(teacher=True)
    perturbation = CorruptionConfig(noise_conversation=1.0, strength=3.0)
    trainer = trainer_of(network, samples, corruption=perturbation, epochs=1)
    Watch().fit(trainer, path)
    for given, clean, lesson in zip(network.seen, trainer.average.seen, network.pairs, strict=True):
        assert isinstance(clean, Batch)
        assert torch.equal(given.labels, clean.labels)
        assert not torch.equal(given.inputs["text"], clean.inputs["text"])
        assert not lesson.coarse.logits.requires_grad
    originals = {s.inputs["text"].tobytes() for s in samples}
    first = trainer.average.seen[0]
    rows = [first.inputs["text"][i, : int(n)].numpy().tobytes() for i, n in enumerate(first.valid.sum(dim=1))]
    assert set(rows) <= originals


def test_every_step_is_corrupted_anew(samples, path):
    network = Probe()
    Watch().fit(trainer_of(network, samples[:1], corruption=CorruptionConfig(noise_conversation=1.0), epochs=3), path)
    given = [batch.inputs["text"] for batch in network.seen]
    assert not any(torch.equal(given[a], given[b]) for a, b in ((0, 1), (0, 2), (1, 2)))


def test_no_teacher_is_asked_where_none_is_wanted(samples, path):
    network = Probe()
    trainer = trainer_of(network, samples, epochs=1)
    Watch().fit(trainer, path)
    assert set(network.pairs) == {None}
    assert trainer.average.seen == []


def test_weight_decay_is_for_matrices_only(samples):
    optimiser = trainer_of(Probe(), samples, weight_decay=0.5).optimiser
    decays = {tuple(p.shape): group["weight_decay"] for group in optimiser.param_groups for p in group["params"]}
    assert decays == {(3, 6): 0.5, (3,): 0.0}


def test_gradients_are_clipped(samples, path, monkeypatch):
    norms = []
    network = Probe()
    trainer = trainer_of(network, samples, epochs=1, clip_norm=0.01, loss=objective(fine=1000.0))
    step = trainer.optimiser.step

    def watched():
        norms.append(math.sqrt(sum(float(p.grad.square().sum()) for p in network.parameters())))
        return step()

    monkeypatch.setattr(trainer.optimiser, "step", watched)
    Watch().fit(trainer, path)
    assert norms == pytest.approx([0.01] * 3, rel=1e-3)


def real(make_network, samples, **training):
    """A trainer of CMATH with dropout, sampling, corruption and a teacher: everything that draws."""
    network = make_network(dropout=0.3).train()
    return trainer_of(network, samples, CorruptionConfig(), learning_rate=5e-3, epochs=3, **training)


def test_a_seed_fixes_losses_and_weights_and_another_seed_does_not(make_network, samples, path):
    ends = []
    for seed, disturbance in ((3, 0), (3, 77), (4, 0)):
        trainer = real(make_network, samples, seed=seed)
        torch.manual_seed(disturbance)  # the state of torch's own generator must not matter
        watch = Watch()
        watch.fit(trainer, path)
        ends.append((watch.records, trainer.network.state_dict()))
    assert ends[0][0] == ends[1][0]
    assert all(torch.equal(t, ends[1][1][name]) for name, t in ends[0][1].items())
    assert ends[0][0] != ends[2][0]


@pytest.mark.parametrize("stop_after", [1, 2, 3, 5, 6, 8])
def test_interrupted_anywhere_and_resumed_it_ends_bit_for_bit_the_same(make_network, samples, path, stop_after):
    """3 steps an epoch: stops lie in the middle and at the ends of epochs."""
    straight, watch = real(make_network, samples), Watch()
    expected = watch.fit(straight, path)
    stopped = Watch(stop_after=stop_after)
    outcome = stopped.fit(real(make_network, samples), path)
    assert not outcome.finished
    assert len(stopped.steps) == stop_after
    resumed = real(make_network, samples)
    assert resumed.resume(path) == stop_after // 3
    rest = Watch(scores=[0.1 * n for n in range(1 + stop_after // 3, 4)])
    assert rest.fit(resumed, path) == expected
    assert stopped.records + rest.records == watch.records
    assert rest.steps[0][0] == stop_after + 1
    for name, tensor in straight.network.state_dict().items():
        assert torch.equal(resumed.network.state_dict()[name], tensor)


def test_a_finished_training_resumes_to_its_end(make_network, samples, path):
    first = real(make_network, samples)
    outcome = Watch().fit(first, path)
    again, watch = real(make_network, samples), Watch()
    assert again.resume(path) == 3
    assert watch.fit(again, path) == outcome
    assert watch.steps == []
    assert all(torch.equal(t, first.network.state_dict()[name]) for name, t in again.network.state_dict().items())


def test_a_checkpoint_of_other_data_or_another_network_is_refused(make_network, samples, path):
    Watch().fit(real(make_network, samples), path)
    with pytest.raises(RunError, match="3 steps an epoch, the data now give 2"):
        real(make_network, samples[:4]).resume(path)
    with pytest.raises(RunError, match="another network"):
        trainer_of(make_network(fusion={"latent": 4}), samples).resume(path)


def in_other_words(sample, change):
    if change == "id":
        return replace(sample, conversation_id="other")
    if change == "present":
        return replace(sample, present=~sample.present)
    if change in ("labels", "speakers"):
        return replace(sample, **{change: getattr(sample, change) + 1})
    inputs = {m: x.copy() for m, x in sample.inputs.items()}
    inputs["visual"][-1, -1] += 1e-3
    return replace(sample, inputs=inputs)


@pytest.mark.parametrize("change", ["id", "present", "labels", "speakers", "inputs", "order"])
def test_a_checkpoint_of_changed_data_of_the_same_size_is_refused(samples, path, change):
    Watch().fit(trainer_of(Probe(), samples, epochs=1), path)
    trainer_of(Probe(), [replace(s) for s in samples], epochs=1).resume(path)  # equal data are the same data
    changed = samples[::-1] if change == "order" else [*samples[:-1], in_other_words(samples[-1], change)]
    with pytest.raises(RunError, match="other training data"):
        trainer_of(Probe(), changed, epochs=1).resume(path)


def test_a_gradient_that_is_not_finite_ends_training_before_it_reaches_the_weights(samples, path):
    class Steep(Probe):
        def terms(self, output, batch, classify, teacher=None):
            terms = super().terms(output, batch, classify, teacher)
            huge = next(self.parameters()).sum() * 0
            huge.register_hook(lambda gradient: gradient * math.inf)
            return {**terms, "coarse": terms["coarse"] + huge}

    network, watch = Steep(), Watch()
    with pytest.raises(RunError, match=r"diverged in epoch 1, step 1 of 3: the norm of the gradient is (nan|inf)"):
        watch.fit(trainer_of(network, samples, epochs=3), path)
    assert all(torch.isfinite(p).all() for p in network.parameters())


def test_weights_that_are_not_finite_are_not_judged(samples, path):
    trainer, watch = trainer_of(Probe(), samples, epochs=1), Watch()
    with torch.no_grad():
        trainer.averaged[0].fill_(math.inf)
    with pytest.raises(RunError, match="diverged in epoch 1: the weights are not finite"):
        watch.fit(trainer, path)
    assert not path.exists()


def test_a_loss_that_is_not_finite_ends_training_before_it_reaches_the_weights(samples, path):
    class Diverging(Probe):
        def terms(self, output, batch, classify, teacher=None):
            terms = super().terms(output, batch, classify, teacher)
            return {**terms, "coarse": terms["coarse"] * (math.nan if len(self.pairs) == 5 else 1.0)}

    network, watch = Diverging(), Watch()
    with pytest.raises(RunError, match=r"diverged in epoch 2, step 2 of 3: the loss is nan; lower training\.learning_rate"):
        watch.fit(trainer_of(network, samples), path)
    assert len(watch.steps) == 4
    assert torch.isfinite(network.linear.weight).all()
    assert load_checkpoint(path).progress["step"] == 3


@pytest.mark.parametrize(
    ("device", "there", "allowed"),
    [("cuda", 0, "auto, cpu"), ("cuda:0", 0, "auto, cpu"), ("cuda:1", 1, "auto, cpu, cuda, cuda:0")],
)
def test_a_device_that_is_not_there_is_refused_with_those_that_are(samples, monkeypatch, device, there, allowed):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: there)
    with pytest.raises(RecipeError, match=rf"training\.device is '{device}': {there} CUDA .*; allowed here: {allowed}$"):
        trainer_of(Probe(), samples, device=device)


def test_a_checkpoint_is_written_after_each_epoch(samples, path):
    steps = []

    class Look(Watch):
        def progress(self, stage, done, total):
            super().progress(stage, done, total)
            steps.append(int(load_checkpoint(path).progress["step"]) if path.exists() else None)

    Look().fit(trainer_of(Probe(), samples), path)
    assert steps == [None, None, None, 3, 3, 3, 6, 6, 6, 9, 9, 9]


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"learning_rate": 0},
        {"learning_rate": math.inf},
        {"weight_decay": math.nan},
        {"warmup": 1.0},
        {"average_decay": 1.0},
        {"seed": -1},
        {"device": "gpu"},
        {"patience": 0},
    ],
)
def test_senseless_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        TrainingConfig(**wrong)
