"""Which arms a study has, and what is refused before anything runs."""

from dataclasses import replace

import pytest

from merc.data.schema import Split
from merc.data.store.store import open_store
from merc.errors import DataError, FeatureError, RecipeError
from merc.files.strict_yaml import dump_yaml, load_yaml
from merc.studies.arms import load_variant, parameters_of
from merc.studies.plan import plan_study
from merc.studies.recipe import StudyRecipe, load_study


@pytest.fixture
def plan(study_recipe, study_store):
    def make(*options, corpus=None):
        return plan_study(load_study(study_recipe, options), study_recipe.parent, corpus or open_store(study_store))

    return make


def test_arms_are_cmath_then_rivals_then_ablations(plan):
    made = plan()
    assert [(a.name, a.kind) for a in made.arms] == [
        ("cmath", "cmath"),
        ("majority", "rival"),
        ("early-fusion", "rival"),
        ("without-corruption", "ablation"),
    ]
    cmath, _, rival, ablation = made.arms
    assert made.splits == ("official",)
    assert cmath.recipe.data.features == dict.fromkeys(("text", "audio", "visual"), "planted")
    assert rival.recipe.model.name == "early_fusion" and rival.recipe.objective == cmath.recipe.objective
    assert ablation.recipe.corruption.drop_utterance == 0 and ablation.recipe.corruption.drop_conversation > 0
    assert ablation.recipe.model == cmath.recipe.model and ablation.about == ablation.recipe.about == "None."


def test_a_rival_of_the_same_size_is_the_nearest_of_its_widths(plan):
    cmath, _, rival, _ = plan().arms
    widths = {"text": 6, "audio": 5, "visual": 4}
    sizes = {}
    for width in range(4, 200, 2):
        config = type(rival.recipe.model).model_validate({**rival.recipe.model.model_dump(), "width": width})
        sizes[width] = parameters_of(config, widths, 3)
    nearest = min(sizes, key=lambda w: abs(sizes[w] - cmath.parameters))
    assert (rival.recipe.model.width, rival.parameters) == (nearest, sizes[nearest])


def test_modalities_make_arms_of_their_own(plan):
    made = plan("rivals=[unimodal]", "ablations=[pair, some]")
    taken = {a.name: tuple(a.recipe.data.features) for a in made.arms[1:]}
    assert taken == {
        "unimodal-text": ("text",),
        "unimodal-audio": ("audio",),
        "unimodal-visual": ("visual",),
        "pair-text-audio": ("text", "audio"),
        "pair-text-visual": ("text", "visual"),
        "pair-audio-visual": ("audio", "visual"),
        "some": ("text", "audio"),
    }
    two = plan("common={data: {features: {text: planted, audio: planted}}}", "rivals=[unimodal]", "ablations=[pair]")
    assert [a.name for a in two.arms[1:]] == ["unimodal-text", "unimodal-audio"], "a pair of two modalities is CMATH itself"


def test_what_is_common_and_the_protocol_reach_every_arm(plan):
    made = plan("common.training.epochs=1", "protocol=test-peak")
    assert {(a.recipe.training.epochs, a.recipe.protocol) for a in made.arms} == {(1, "test-peak")}
    assert {a.recipe.training.learning_rate for a in made.arms} == {5e-3}


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            ["rivals=[nobody]"],
            RecipeError,
            r"unknown rival 'nobody'; allowed, as files in .*rivals: early-fusion, majority, unimodal",
        ),
        (
            ["ablations=[without-sense]"],
            RecipeError,
            r"unknown ablation 'without-sense'; allowed, .*: central-smell, central-text, ",
        ),
        (["ablations=[central-smell]"], RecipeError, r"ablation 'central-smell': model\.central is \['smell'\]; allowed"),
        (["ablations=[central-text]", "common={data: {features: {audio: planted, visual: planted}}}"], RecipeError, "central is"),
        (["ablations=[some]", "common={data: {features: {audio: planted, visual: planted}}}"], FeatureError, "'audio', 'text'"),
        (["common={data: {features: {smell: planted}}}"], FeatureError, "no modality 'smell'"),
        (["common.model.widht=8"], RecipeError, "did you mean model.width"),
        (["splits=[session9]"], DataError, "has no split 'session9'"),
        (["base=none.yaml"], RecipeError, r"none\.yaml: no such recipe"),
        (["rivals=[majority, majority]"], RecipeError, "each once"),
        (["robustness.drop=[0.5, 0.1]"], RecipeError, "rising numbers above 0 and up to 1"),
        (["seeds.cmath=0"], RecipeError, "seeds.cmath"),
        (["colour=red"], RecipeError, "unknown key 'colour'"),
    ],
    ids=lambda value: value[0].replace("/", "-") if isinstance(value, list) else "",
)
def test_what_does_not_fit_is_refused_in_one_line(plan, options, error, message):
    with pytest.raises(error, match=message) as caught:
        plan(*options)
    assert "\n" not in str(caught.value)


def test_changes_may_name_an_arm_that_is_left_out_but_none_that_is_unknown(plan):
    changed = plan("rivals=[majority]", "changes={early-fusion: {model: {dropout: 0.25}}}")
    assert [arm.name for arm in changed.arms if arm.kind == "rival"] == ["majority"]
    with pytest.raises(RecipeError, match=r"changes: 'late-fussion' is no rival and no ablation; there are central-"):
        plan("changes={late-fussion: {model: {dropout: 0.25}}}")
    with pytest.raises(RecipeError, match="unknown rival 'nobody'"):  # told before what the changes lack
        plan("rivals=[nobody]", "changes={late-fussion: {}}")


def test_changes_reach_their_arm(plan):
    changed = plan("changes={early-fusion: {model: {dropout: 0.25}}}")
    dropouts = {arm.name: arm.recipe.model.dropout for arm in changed.arms if arm.name == "early-fusion"}
    assert dropouts == {"early-fusion": 0.25}


def test_the_base_must_be_cmath(plan, study_recipe):
    (study_recipe.parent / "other.yaml").write_text("model: {name: early_fusion}\n")
    with pytest.raises(RecipeError, match=r"its base is CMATH's recipe, other\.yaml has model 'early_fusion'"):
        plan("base=other.yaml")


def test_a_variant_with_a_key_of_no_recipe_is_refused(plan, study_recipe):
    (study_recipe.parent / "rivals" / "odd.yaml").write_text("about: Odd.\nmodell: {name: majority}\n")
    with pytest.raises(RecipeError, match=r"rival 'odd': modell: unknown key; did you mean model\?"):
        plan("rivals=[odd]")
    (study_recipe.parent / "rivals" / "mute.yaml").write_text("model: {name: majority}\n")
    with pytest.raises(RecipeError, match=r"mute\.yaml: about"):
        load_variant(study_recipe.parent, "rival", "mute")


def test_a_causal_arm_is_not_given_a_feature_that_looks_ahead(plan, study_recipe, tiny_corpus):
    relative = [
        s.model_copy(update={"encoder": "praat-relative"}) if s.modality == "audio" else s for s in tiny_corpus.feature_schema
    ]
    corpus = replace(tiny_corpus, feature_schema=tuple(relative))
    causal = "about: Live.\nmodel: {name: early_fusion, width: 8, attention: {heads: 2, causal: true}}\n"
    (study_recipe.parent / "rivals" / "live.yaml").write_text(causal)
    assert plan(corpus=corpus).arms
    for options in (["rivals=[live]"], ["common={model: {attention: {causal: true}}}"]):
        with pytest.raises(RecipeError, match="the network is causal, but the feature audio/planted"):
            plan(*options, corpus=corpus)


def test_a_network_without_width_has_no_size_to_choose(plan, study_recipe):
    (study_recipe.parent / "rivals" / "big.yaml").write_text("about: Big.\nsame_size: true\nmodel: {name: majority}\n")
    with pytest.raises(RecipeError, match="same_size: model 'majority' has no width"):
        plan("rivals=[big]")


def test_folds_must_test_each_conversation_once(plan, tiny_corpus):
    parts = tiny_corpus.splits["official"].parts
    turned = Split("turned", {"train": parts["validation"], "validation": parts["train"], "test": parts["test"]})
    corpus = replace(tiny_corpus, splits={**tiny_corpus.splits, "turned": turned})
    with pytest.raises(DataError, match="splits 'official' and 'turned' both test conversation"):
        plan("splits=[official, turned]", corpus=corpus)
    fold = Split("fold", {"train": parts["validation"], "validation": parts["test"], "test": parts["train"]})
    corpus = replace(tiny_corpus, splits={**tiny_corpus.splits, "fold": fold})
    assert plan("splits=[official, fold]", corpus=corpus).splits == ("official", "fold")


def test_a_study_recipe_survives_the_file(study_recipe):
    study = load_study(study_recipe, ["about='a: b\u2028c'"])
    assert StudyRecipe.model_validate(load_yaml(dump_yaml(study.model_dump(mode="json")))) == study
