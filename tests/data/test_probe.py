"""The probe: its figures against slow twins, and a planted case for every verdict."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score

from merc.data.probe import (
    FOLDS,
    FeatureProbe,
    Figure,
    ProbeReport,
    fit_linear_probe,
    labelled_rows,
    probe,
    recorded_probe,
    weighted_f1,
)
from merc.data.schema import PARTS, Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
from merc.errors import DataError
from merc.synthetic.planting import Stream, plant
from steps import in_proportion

NAMES = ("neutral", "joy", "anger", "sadness")
SHARES = (0.4, 0.3, 0.2, 0.1)
SIZES = {"train": 60, "validation": 25, "test": 25}
SPEC = FeatureSpec(modality="text", name="vectors", dimension=12)


def corpus_with(
    strength: dict[str, float], sizes: dict[str, int] = SIZES, length: int = 14, dimension: int = 12, seed: int = 0
) -> Corpus:
    """Each part's features show the label by a one-hot of this strength, in unit noise."""
    generator = np.random.default_rng(seed)
    made: list[Conversation] = []
    parts: dict[str, tuple[str, ...]] = {}
    for part, size in sizes.items():
        ids = tuple(f"{part}{i}" for i in range(size))
        for conversation_id in ids:
            labels = generator.choice(len(NAMES), size=length, p=SHARES)
            signal = strength[part] * np.eye(len(NAMES), dimension)[labels]
            array = (signal + generator.standard_normal((length, dimension))).astype(np.float32)
            utterances = tuple(Utterance(f"u{t}", "A", label=NAMES[label]) for t, label in enumerate(labels))
            made.append(Conversation(conversation_id, utterances, {"text/vectors": array}))
        parts[part] = ids
    spec = SPEC.model_copy(update={"dimension": dimension})
    return Corpus("planted", LabelSet(names=NAMES), (spec,), tuple(made), {"official": Split("official", parts)})


def with_arrays(corpus: Corpus, change: dict[str, np.ndarray]) -> Corpus:
    changed = (c.with_features({"text/vectors": change.get(c.id, c.features["text/vectors"])}) for c in corpus.conversations)
    return replace(corpus, conversations=tuple(changed))


def only(corpus: Corpus, seed: int = 0) -> FeatureProbe:
    report = probe(corpus, seed=seed)
    assert len(report.features) == 1
    return report.features[0]


def score(figure: Figure | None) -> float:
    assert figure is not None
    return figure.weighted_f1


def test_features_that_carry_over() -> None:
    found = only(corpus_with(dict.fromkeys(PARTS, 3.0)))
    assert found.verdict == "carries over"
    assert found.test is not None
    assert found.sentence.startswith("text/vectors: a linear probe of it beats guessing inside training and on test: no sign")
    assert found.sentence.endswith(f"guessing {100 * found.test.chance:.1f}) on test)")
    assert abs(score(found.inside) - score(found.test)) < 0.06
    report = probe(plant(corpus_with(dict.fromkeys(PARTS, 3.0)), [Stream(modality="audio", dimension=16, quality=2.0, absent=0.1)]))
    assert [f.verdict for f in report.features] == ["carries over", "carries over"]
    assert not any(f.flagged for f in report.features)


def test_features_that_carry_nothing() -> None:
    for seed in range(5):
        found = only(corpus_with(dict.fromkeys(PARTS, 0.0), seed=seed))
        assert found.verdict == "carries nothing", found.sentence
    assert probe(corpus_with(dict.fromkeys(PARTS, 0.0))).features[0].flagged
    weak = only(corpus_with(dict.fromkeys(PARTS, 1.0)))
    assert weak.verdict == "carries over"  # little, but not nothing
    faint = only(corpus_with({"train": 0.45, "validation": 0.0, "test": 0.0}))
    assert (faint.verdict, faint.flagged) == ("is weak", False), faint.sentence
    assert "beats guessing inside training, but not clearly on test (" in faint.sentence


def test_features_trained_on_the_training_labels() -> None:
    """The known case: near perfect on training conversations, held out or not; three quarters elsewhere."""
    corpus = corpus_with({"train": 7.0, "validation": 2.0, "test": 2.0})
    report = probe(corpus)
    found = report.features[0]
    assert score(found.inside) > 0.95 and score(found.test) < 0.8
    assert found.verdict == "looks trained on the training labels"
    assert report.features[0].flagged and "looks trained on the training labels" in report.features[0].sentence


def test_a_blind_validation_part() -> None:
    report = probe(corpus_with({"train": 7.0, "validation": 7.0, "test": 2.0}))
    found = report.features[0]
    assert score(found.validation) > 0.95
    assert found.verdict == "validation is blind"
    assert report.features[0].flagged and "validation is blind" in report.features[0].sentence


def test_what_there_is_too_little_of_is_not_judged() -> None:
    few = only(corpus_with(dict.fromkeys(PARTS, 3.0), {"train": 4, "validation": 25, "test": 25}))
    assert few.verdict == "not judged" and few.inside is None
    alone = probe(corpus_with({"train": 3.0}, {"train": 60}))
    assert alone.features[0].verdict == "not judged" and alone.features[0].inside is not None
    assert not any(f.flagged for f in alone.features)
    no_test = corpus_with({"train": 7.0, "validation": 2.0}, {"train": 60, "validation": 25})
    assert only(no_test).verdict == "looks trained on the training labels"
    no_validation = corpus_with({"train": 7.0, "test": 2.0}, {"train": 60, "test": 25})
    assert only(no_validation).verdict == "looks trained on the training labels"
    absent = corpus_with(dict.fromkeys(PARTS, 3.0))
    absent = with_arrays(absent, {c.id: np.full((14, 12), np.nan, np.float32) for c in absent.conversations})
    assert only(absent).verdict == "not judged"
    with pytest.raises(DataError, match="no split 'other'"):
        probe(absent, split="other")


def test_folds_keep_conversations_whole() -> None:
    """Features that name the conversation, in conversations of one label each: by utterance they would tell all."""
    corpus = corpus_with(dict.fromkeys(PARTS, 0.0), {"train": 80, "validation": 5, "test": 5}, dimension=90)
    generator = np.random.default_rng(1)
    conversations = tuple(
        Conversation(
            c.id,
            tuple(replace(u, label=NAMES[kind]) for u in c.utterances),
            {"text/vectors": np.repeat(np.eye(90, dtype=np.float32)[i : i + 1], len(c), axis=0)},
        )
        for i, (c, kind) in enumerate(zip(corpus.conversations, generator.permutation(np.arange(90) % 4), strict=True))
    )
    found = only(replace(corpus, conversations=conversations))
    assert found.verdict == "carries nothing", found.sentence


def test_test_labels_change_test_figures_only() -> None:
    corpus = corpus_with(dict.fromkeys(PARTS, 3.0))
    shifted = tuple(
        replace(c, utterances=tuple(replace(u, label=NAMES[(NAMES.index(u.label or "") + 1) % 4]) for u in c.utterances))
        if c.id.startswith("test")
        else c
        for c in corpus.conversations
    )
    before, after = only(corpus), only(replace(corpus, conversations=shifted))
    assert before.inside == after.inside and before.validation == after.validation
    assert score(after.test) < score(before.test) - 0.3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=40))
def test_weighted_f1_is_sklearns(pairs: list[tuple[int, int]]) -> None:
    truth, predicted = np.array(pairs).T
    confusion = np.zeros((4, 4))
    np.add.at(confusion, (truth, predicted), 1.0)
    expected = f1_score(truth, predicted, average="weighted", zero_division=0.0)
    found = weighted_f1(np.diagonal(confusion)[None], confusion.sum(1)[None], confusion.sum(0)[None])
    assert float(found[0]) == pytest.approx(expected)


def test_baselines_equal_guessing_played_out() -> None:
    corpus = corpus_with(dict.fromkeys(PARTS, 2.0))
    figure = only(corpus).test
    assert figure is not None
    label = {part: labelled_rows(corpus.part("official", part), SPEC, corpus.label_set).labels for part in PARTS}
    shares = np.bincount(label["train"], minlength=4) / len(label["train"])
    always = np.full(len(label["test"]), int(shares.argmax()))
    assert figure.majority == pytest.approx(f1_score(label["test"], always, average="weighted", zero_division=0.0))
    generator = np.random.default_rng(0)
    drawn = [
        f1_score(label["test"], generator.choice(4, size=len(label["test"]), p=shares), average="weighted") for _ in range(150)
    ]
    assert figure.prior == pytest.approx(np.mean(drawn), abs=0.008)
    fitted = fit_linear_probe(labelled_rows(corpus.part("official", "train"), SPEC, corpus.label_set), 4)
    rows = labelled_rows(corpus.part("official", "test"), SPEC, corpus.label_set)
    predicted = fitted.probabilities(rows.features).argmax(1)
    assert figure.weighted_f1 == pytest.approx(f1_score(rows.labels, predicted, average="weighted"))
    drawn = [f1_score(rows.labels, generator.permutation(predicted), average="weighted") for _ in range(150)]
    assert figure.shuffled == pytest.approx(np.mean(drawn), abs=0.008)
    assert figure.above_chance == pytest.approx(figure.weighted_f1 - max(figure.majority, figure.prior, figure.shuffled))


def test_the_standard_error_resamples_conversations() -> None:
    """Where conversations are read all right or all wrong, 14 utterances of one conversation count as one."""
    corpus = corpus_with(dict.fromkeys(PARTS, 20.0), {"train": 60, "validation": 25, "test": 100})
    generator = np.random.default_rng(2)
    wrong: dict[str, np.ndarray] = {}
    scattered: dict[str, np.ndarray] = {}
    for c in corpus.part("official", "test"):
        array = c.features["text/vectors"]
        rolled = np.concatenate([np.roll(array[:, :4], 1, axis=1), array[:, 4:]], axis=1)
        if generator.random() < 0.5:
            wrong[c.id] = rolled
        scattered[c.id] = np.where(generator.random((len(c), 1)) < 0.5, rolled, array)
    together, apart = only(with_arrays(corpus, wrong)).test, only(with_arrays(corpus, scattered)).test
    assert together is not None and apart is not None
    assert together.error == pytest.approx(0.5 / np.sqrt(100), rel=0.25)
    assert apart.error == pytest.approx(0.5 / np.sqrt(1400), rel=0.25)


def test_missing_numbers_count_as_the_mean_and_absent_rows_not_at_all() -> None:
    corpus = corpus_with(dict.fromkeys(PARTS, 4.0))
    generator = np.random.default_rng(3)
    changed: dict[str, np.ndarray] = {}
    for c in corpus.conversations:
        array = c.features["text/vectors"].copy()
        array[generator.random(array.shape) < 0.1] = np.nan
        array[:, 10] = 7.0  # constant
        array[:, 11] = np.nan  # never there
        array[0] = np.nan
        changed[c.id] = array
    found = only(with_arrays(corpus, changed))
    assert found.verdict == "carries over"
    assert found.test is not None and found.test.utterances == 25 * 13
    rows = labelled_rows(corpus.part("official", "train"), SPEC, corpus.label_set)
    fitted = fit_linear_probe(rows, 4)
    nothing = fitted.probabilities(np.full((1, 12), np.nan, np.float32))
    at_mean = fitted.probabilities(rows.features.mean(0, keepdims=True))
    np.testing.assert_allclose(nothing, at_mean, atol=1e-5)


def test_a_single_class_and_unseen_classes() -> None:
    corpus = corpus_with(dict.fromkeys(PARTS, 3.0))
    rows = labelled_rows(corpus.part("official", "train"), SPEC, corpus.label_set)
    one = replace(rows, labels=np.full_like(rows.labels, 2))
    np.testing.assert_array_equal(fit_linear_probe(one, 4).probabilities(rows.features[:2]), [[0, 0, 1, 0]] * 2)
    two = replace(rows, labels=np.where(rows.labels == 0, 1, 3))
    found = fit_linear_probe(two, 4).probabilities(rows.features)
    assert (found[:, [0, 2]] == 0).all()
    np.testing.assert_allclose(found.sum(1), 1.0, atol=1e-6)
    assert (found.argmax(1) == two.labels).mean() > 0.8


def test_the_report_is_deterministic_and_goes_through_json() -> None:
    corpus = corpus_with(dict.fromkeys(PARTS, 2.0))
    report = probe(corpus, seed=1)
    assert report == probe(corpus, seed=1)
    assert report != probe(corpus, seed=2)
    note = json.loads(json.dumps(report.model_dump(mode="json")))
    assert ProbeReport.model_validate(note) == report
    assert recorded_probe(corpus) is None
    noted = replace(corpus, notes={"probe": note})
    assert recorded_probe(noted) == report
    assert not report.lacks(SPEC)
    assert report.lacks(SPEC.model_copy(update={"version": "2"})) and report.lacks(SPEC.model_copy(update={"name": "new"}))
    earlier = {**note, "features": [{**note["features"][0], "verdict": "sound"}]}
    assert ProbeReport.model_validate(earlier).features[0].verdict == "carries over"
    for malformed in ("yes", [], {}, {**note, "seed": "many"}, {**note, "features": [{"feature": SPEC.key}]}):
        assert recorded_probe(replace(corpus, notes={"probe": malformed})) is None


def test_a_feature_is_fitted_once_a_fold_and_once_more_in_few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[LogisticRegression] = []
    fit = LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", lambda model, *rows: fitted.append(model) or fit(model, *rows))
    assert only(corpus_with(dict.fromkeys(PARTS, 2.0), length=10, dimension=384)).verdict == "carries over"
    assert len(fitted) == FOLDS + 1
    assert all(model.n_iter_.max() <= 100 for model in fitted)


def test_the_steps_of_probing_grow_with_the_corpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("merc.data.probe._ITERATIONS", 1)
    assert in_proportion(lambda count: probe(corpus_with(dict.fromkeys(PARTS, 2.0), dict.fromkeys(PARTS, 5 + count))), 10)
