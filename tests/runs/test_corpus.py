"""The corpus as a recipe wants it: a causal network is not trained on a feature that depends on later utterances."""

from dataclasses import replace

import numpy as np
import pytest

from merc.encoders.derivation import PRAAT, PRAAT_RELATIVE, with_derived
from merc.errors import RecipeError
from merc.runs.corpus import check_causal, prepared
from merc.runs.training import train

CAUSAL = {"attention": {"causal": True}}
TUNING = {"encoder": "never-made", "base": "never-loaded"}


@pytest.fixture(scope="module")
def heard(tiny_corpus):
    """The small corpus with eight Praat numbers in place of its audio stream."""
    random = np.random.default_rng(0)

    def with_praat(conversation):
        kept = {key: rows for key, rows in conversation.features.items() if not key.startswith("audio/")}
        return replace(
            conversation, features={**kept, PRAAT.key: random.standard_normal((len(conversation), 8)).astype(np.float32)}
        )

    schema = tuple(PRAAT if spec.modality == "audio" else spec for spec in tiny_corpus.feature_schema)
    return replace(tiny_corpus, feature_schema=schema, conversations=tuple(map(with_praat, tiny_corpus.conversations)))


@pytest.mark.parametrize(
    "model",
    [CAUSAL, {"name": "early_fusion", "attention": {"causal": True}}, {"name": "late_fusion", "attention": {"causal": True}}],
    ids=["cmath", "early fusion", "late fusion"],
)
def test_a_feature_that_looks_ahead_is_refused_before_anything_is_made(heard, tiny_recipe, tmp_path, model):
    features = {"text": "tuned", "audio": "praat-relative"}
    recipe = tiny_recipe(model=model, data={"features": features}, text_tuning=TUNING)
    with pytest.raises(
        RecipeError, match=r"the network is causal, but the feature audio/praat-relative .* take audio/praat in its"
    ) as caught:
        train(recipe, tmp_path / "run", corpus=heard)
    assert "\n" not in str(caught.value) and not (tmp_path / "run").exists()


def test_what_the_refusal_advises_is_trained(heard, tiny_recipe, tmp_path):
    recipe = tiny_recipe(model=CAUSAL, data={"features": {"text": "planted", "audio": "praat"}}, training={"epochs": 1})
    assert train(recipe, tmp_path / "run", corpus=heard).outcome.finished


def test_it_goes_by_what_is_taken_and_by_what_makes_it(heard, tiny_recipe):
    relative = {"data": {"features": {"audio": "praat-relative"}}}
    both, _ = prepared(heard, tiny_recipe(**relative))
    assert both.feature_schema[-1] == PRAAT_RELATIVE
    check_causal(both, tiny_recipe(model=CAUSAL, data={"features": {"audio": "praat"}}))
    check_causal(both, tiny_recipe(model={"name": "dialogue_rnn"}, **relative))

    mine = PRAAT_RELATIVE.model_copy(update={"name": "mine"})
    made = [with_derived(c, mine, heard.feature_schema) for c in heard.conversations]
    only = tuple(replace(c, features={mine.key: c.features[mine.key]}) for c in made)
    alone = replace(heard, feature_schema=(mine,), conversations=only)
    for features in ({}, {"audio": "mine"}):
        with pytest.raises(RecipeError, match="the feature audio/mine of an utterance depends on later ones"):
            check_causal(alone, tiny_recipe(model=CAUSAL, data={"features": features}))
    unknown = replace(alone, feature_schema=(mine.model_copy(update={"version": "unknown"}),))
    with pytest.raises(RecipeError, match=r"leave audio out \(data\.features\)"):
        check_causal(unknown, tiny_recipe(model=CAUSAL))
