"""A model evaluated: scores from its own predictions, the same checkpoint under other conditions, a report that reads back."""

from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest

from merc.data.preprocessing import Preprocessor
from merc.errors import DataError, FeatureError, RecipeError
from merc.evaluation.metrics import classification_scores
from merc.evaluation.perturbation import Perturbation, perturb, without
from merc.evaluation.report import Conditions, check_features, evaluate_model
from merc.evaluation.trust import loss_increases, trust_agreement, trust_intervals
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.runs.evaluation import evaluate

MODALITIES = ("text", "audio", "visual")
NAMES = {"corpus": "synthetic", "split": "official", "part": "test"}


@pytest.fixture(scope="module")
def recogniser(trained):
    return trained().recogniser


@pytest.fixture(scope="module")
def conversations(tiny_corpus):
    """The test part, with one utterance in five unlabelled and the first of all without any modality."""
    given = []
    for number, conversation in enumerate(sorted(tiny_corpus.part("official", "test"), key=len, reverse=True)):
        turns = tuple(replace(u, label=None if (i + number) % 5 == 4 else u.label) for i, u in enumerate(conversation.utterances))
        features = {key: x.copy() for key, x in conversation.features.items()}
        if number == 0:
            for x in features.values():
                x[0] = np.nan
        given.append(replace(conversation, utterances=turns, features=features))
    return tuple(given)


def test_scores_are_those_of_the_predictions(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES)
    samples = [recogniser.preprocessor.sample(c) for c in conversations]
    judged = recogniser.infer(samples)
    true = np.concatenate([s.labels for s in samples])
    probabilities = np.concatenate([j.probabilities for j in judged])
    assert found.report.coarse == classification_scores(true, probabilities, recogniser.label_set, conversations=len(conversations))
    for name in judged[0].levels:
        level = np.concatenate([j.levels[name] for j in judged])
        assert found.report.levels[name] == classification_scores(
            true, level, recogniser.label_set, conversations=len(conversations)
        )
    assert set(found.report.levels) == {f"{level}/{m}" for level in ("fine", "unimodal") for m in MODALITIES}
    assert found.report.uncertainty.mean == pytest.approx(np.concatenate([j.uncertainty for j in judged]).mean())
    assert (found.report.model, found.report.corpus, found.report.split, found.report.part) == (
        "tiny",
        "synthetic",
        "official",
        "test",
    )
    assert found.report.context_only == int((~np.concatenate([s.present for s in samples]).any(axis=1)).sum()) >= 1


def test_unlabelled_utterances_are_judged_and_not_counted(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES)
    count = sum(len(c) for c in conversations)
    bare = sum(u.label is None for c in conversations for u in c.utterances)
    assert bare > 0
    assert len(found.predictions.true) == count
    assert found.report.coarse.utterances == count - bare


def test_nothing_labelled_is_an_error(recogniser, conversations):
    bare = [replace(c, utterances=tuple(replace(u, label=None) for u in c.utterances)) for c in conversations]
    with pytest.raises(DataError, match="labelled"):
        evaluate_model(recogniser, bare, **NAMES)


def test_without_judges_the_samples_that_lack_the_modality(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES, conditions=Conditions(without=("audio",)))
    samples = [without(recogniser.preprocessor.sample(c), ["audio"]) for c in conversations]
    expected = np.concatenate([j.probabilities for j in recogniser.infer(samples)])
    assert np.array_equal(found.predictions.probabilities, expected)
    assert not found.predictions.present[:, 1].any()
    assert not found.predictions.trust[:, 1].any()
    assert "audio" not in found.report.trust.mean
    whole = evaluate_model(recogniser, conversations, **NAMES)
    assert not np.allclose(whole.predictions.probabilities, found.predictions.probabilities)


def test_corrupt_judges_the_perturbed_samples_the_same_every_time(recogniser, conversations):
    perturbations = (
        Perturbation(modality="text", kind="noise", amount=1.0),
        Perturbation(modality="visual", kind="drop", amount=0.5),
    )
    conditions = Conditions(corrupt=perturbations, seed=4)
    found = evaluate_model(recogniser, conversations, **NAMES, conditions=conditions)
    again = evaluate_model(recogniser, conversations[::-1], **NAMES, conditions=conditions)
    samples = [perturb(recogniser.preprocessor.sample(c), perturbations, seed=4) for c in conversations]
    expected = [j.probabilities for j in recogniser.infer(samples)]
    np.testing.assert_allclose(found.predictions.probabilities, np.concatenate(expected), atol=1e-6)
    np.testing.assert_allclose(again.predictions.probabilities, np.concatenate(expected[::-1]), atol=1e-6)
    assert found.report.conditions == conditions
    other = evaluate_model(recogniser, conversations, **NAMES, conditions=conditions.model_copy(update={"seed": 5}))
    assert not np.allclose(other.predictions.probabilities, found.predictions.probabilities)


def test_only_keeps_what_is_named():
    assert Conditions.parse(MODALITIES, only=["text"]).without == ("audio", "visual")
    assert Conditions.parse(MODALITIES, without=["text"]).without == ("text",)
    parsed = Conditions.parse(MODALITIES, corrupt=["audio=noise:1.0"], seed=3)
    assert parsed == Conditions(corrupt=(Perturbation(modality="audio", kind="noise", amount=1.0),), seed=3)
    assert Conditions.parse(MODALITIES) == Conditions()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"only": ["smell"]}, "unknown modality 'smell'; the model has: text, audio, visual"),
        ({"without": ["smell"]}, "unknown modality 'smell'"),
        ({"corrupt": ["smell=drop:1"]}, "unknown modality 'smell'"),
        ({"only": ["text"], "without": ["audio"]}, "not both"),
    ],
)
def test_options_that_do_not_fit_are_refused(options, message):
    with pytest.raises(RecipeError, match=message):
        Conditions.parse(MODALITIES, **options)


def test_conditions_that_do_not_fit_the_model_are_refused(recogniser, conversations):
    for conditions, message in (
        (Conditions(without=("smell",)), "unknown modality 'smell'; the model has: text, audio, visual"),
        (Conditions(without=MODALITIES), r"all modalities are left out .*at least one must stay"),
        (Conditions(corrupt=(Perturbation(modality="smell", kind="drop", amount=1.0),)), "unknown modality 'smell'"),
    ):
        with pytest.raises(RecipeError, match=message):
            evaluate_model(recogniser, conversations, **NAMES, conditions=conditions)


def test_trust_is_held_against_leaving_each_modality_out(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES)
    predictions, samples = found.predictions, [recogniser.preprocessor.sample(c) for c in conversations]
    for i, m in enumerate(MODALITIES):
        assert found.report.trust.mean[m] == pytest.approx(predictions.trust[predictions.present[:, i], i].mean())
    left_out = {
        m: np.concatenate([j.probabilities for j in recogniser.infer([without(s, [m]) for s in samples])]) for m in MODALITIES
    }
    increases = loss_increases(predictions.true, predictions.probabilities, left_out)
    expected = trust_agreement(predictions.trust, predictions.present, increases, MODALITIES)
    assert found.report.trust.agreement == expected
    ids = [c.id for c in conversations for _ in c.utterances]
    drawing = np.random.default_rng(0)
    intervals = trust_intervals(predictions.trust, predictions.present, increases, ids, drawing, MODALITIES)
    assert found.report.trust.intervals == intervals
    assert intervals.kendall_tau[0] < expected.kendall_tau < intervals.kendall_tau[1]
    alone = evaluate_model(recogniser, conversations[:1], **NAMES).report.trust
    assert alone.agreement is not None and alone.intervals is None
    assert evaluate_model(recogniser, conversations, **NAMES, trust=False).report.trust is None


def test_uncertainty_is_held_against_wrong_labels(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES)
    report, predictions = found.report.uncertainty, found.predictions
    labelled = predictions.true >= 0
    wrong = (predictions.probabilities.argmax(axis=1) != predictions.true)[labelled]
    assert report.random_area == pytest.approx(1 - found.report.coarse.accuracy) == pytest.approx(wrong.mean())
    for area, key in ((report.area, predictions.uncertainty), (report.confidence_area, -predictions.probabilities.max(axis=1))):
        ordered = wrong[np.argsort(key[labelled], kind="stable")]
        assert area == pytest.approx(np.mean([ordered[:k].mean() for k in range(1, len(ordered) + 1)]))
    assert report.best_area <= min(report.area, report.confidence_area)


def test_one_modality_has_nothing_to_agree_with(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES, conditions=Conditions(without=("audio", "visual")))
    assert found.report.trust.agreement is None
    assert found.report.trust.mean == {"text": pytest.approx(1)}


def test_a_rival_without_trust_is_judged_too(trained, rival_config, conversations, tmp_path):
    recogniser = trained(model=rival_config).recogniser
    found = evaluate_model(recogniser, conversations, **NAMES)
    assert found.report.trust is None
    assert found.report.uncertainty is None
    assert found.report.levels == {}
    assert all(u.trust == {} and u.uncertainty is None for c in found.conversations for u in c.utterances)


def test_the_judged_conversations_are_those_of_predict_with_their_labels(recogniser, conversations):
    found = evaluate_model(recogniser, conversations, **NAMES)
    answers = recogniser.predict(conversations)
    for one, other, conversation in zip(found.conversations, answers, conversations, strict=True):
        assert one == other and one.id == conversation.id and one.modalities == MODALITIES
        assert [u.label for u in one.utterances] == [u.label for u in conversation.utterances]
    flat = np.array([list(u.probabilities.values()) for c in found.conversations for u in c.utterances])
    assert np.array_equal(flat, found.predictions.probabilities)


def test_a_report_is_json_and_comes_back(recogniser, conversations):
    report = evaluate_model(recogniser, conversations, **NAMES, conditions=Conditions(without=("text",))).report
    assert type(report).model_validate_json(report.model_dump_json()) == report


def test_a_report_fits_on_a_screen(recogniser, conversations):
    conditions = Conditions.parse(MODALITIES, without=["audio"], corrupt=["text=noise:0.5"])
    found = evaluate_model(recogniser, conversations, **NAMES, conditions=conditions)
    scores = found.report.coarse
    assert len(repr(found)) < 400 and str(found.report) == repr(found.report)
    assert f"without audio, text with noise 0.5: weighted F1 {100 * scores.weighted_f1:.1f}" in repr(found)
    named = {f"<b>{label}</b>": of_class for label, of_class in scores.per_class.items()}
    renamed = replace(found, report=found.report.model_copy(update={"coarse": scores.model_copy(update={"per_class": named})}))
    page = ElementTree.fromstring(f"<div>{renamed._repr_html_()}</div>")
    rows = [[cell.text for cell in row] for row in page.iter("tr")][1:]
    assert rows == [
        [label, *(f"{100 * share:.1f}" for share in (s.precision, s.recall, s.f1)), str(s.support)] for label, s in named.items()
    ]


@pytest.mark.parametrize("change", [{"dimension": 7}, {"encoder": "minilm"}, {"version": "2"}])
def test_features_of_another_making_are_refused(recogniser, tiny_corpus, change):
    specs = (tiny_corpus.feature_schema[0].model_copy(update=change), *tiny_corpus.feature_schema[1:])
    corpus = replace(
        tiny_corpus, feature_schema=specs, conversations=tuple(replace(c, features={}) for c in tiny_corpus.conversations)
    )
    (name, value), *_ = change.items()
    with pytest.raises(
        FeatureError, match=rf"feature text/planted of corpus 'synthetic': {name} {value}; the model was trained on"
    ):
        check_features(recogniser, corpus)


def test_a_moved_local_encoder_is_the_same_one(tiny_corpus, tiny_recipe):
    def made_by(folder, version="1"):
        first = tiny_corpus.feature_schema[0].model_copy(update={"encoder": folder, "version": version})
        return replace(tiny_corpus, feature_schema=(first, *tiny_corpus.feature_schema[1:]))

    here = made_by("/here/encoder")
    preprocessor = Preprocessor.fit(here, here.part("official", "train"))
    network = tiny_recipe().model.build(preprocessor.widths, 3)
    model = Recogniser(network, preprocessor, ModelRecord(recipe=tiny_recipe().model_dump(mode="json")))
    check_features(model, made_by("/there/encoder"))
    for other, message in ((made_by("/there/encoder", "2"), "version 2"), (made_by("encoder"), "encoder encoder")):
        with pytest.raises(FeatureError, match=f"feature text/planted of corpus 'synthetic': {message}; the model was trained on"):
            check_features(model, other)


def test_a_feature_that_is_not_there_has_to_be_left_out_by_name(recogniser, tiny_corpus):
    bare = tuple(replace(c, features={}) for c in tiny_corpus.conversations)
    audio = replace(tiny_corpus, feature_schema=tiny_corpus.feature_schema[1:2], conversations=bare)
    check_features(recogniser, audio, ["text", "visual"])
    message = "has no feature text/planted, which the model takes; found audio/planted.*--without text"
    with pytest.raises(FeatureError, match=message):
        check_features(recogniser, audio)
    with pytest.raises(FeatureError, match=r"no feature visual/planted.*--without visual"):
        check_features(recogniser, audio, ["text"])
    with pytest.raises(FeatureError, match="found none"):
        check_features(recogniser, replace(tiny_corpus, feature_schema=(), conversations=bare))


def test_predictions_have_a_place_before_anything_is_judged(trained, tiny_corpus, tmp_path):
    folder = trained().folder
    log = folder / "log.jsonl"
    before = log.read_text() if log.exists() else None
    for path, message in (
        (tmp_path / "p.txt", r"\.txt suffix; predictions are written as \.csv"),
        (tmp_path / "no" / "p.parquet", "no folder"),
    ):
        with pytest.raises(DataError, match=message):
            evaluate(folder, corpus=tiny_corpus, part="test", predictions=path)
        assert not path.exists()
    assert (log.read_text() if log.exists() else None) == before
