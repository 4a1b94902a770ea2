"""Recipes: YAML and options in, one frozen recipe out; a typo is answered with the nearest name and leaves nothing to guess."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from merc.errors import RecipeError
from merc.networks.cmath.network import CMATHConfig
from merc.networks.rivals.early_fusion import EarlyFusionConfig
from merc.training.recipe import Recipe, dump_recipe, load_recipe, overlaid, recipe_from


@pytest.fixture
def write(tmp_path):
    def write(text, name="recipe.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_an_empty_mapping_is_the_default_recipe_named_after_its_file(write):
    assert load_recipe(write("{}", "plain.yaml")) == Recipe(name="plain")


def test_keys_are_put_where_they_belong(write):
    recipe = load_recipe(
        write(
            "name: x\nabout: words\ndata: {store: s, features: {text: R1}}\n"
            "model: {width: 64, attention: {heads: 8}}\ntraining: {seed: 4}"
        )
    )
    assert (recipe.name, recipe.about, recipe.data.store, recipe.data.features) == ("x", "words", "s", {"text": "R1"})
    assert isinstance(recipe.model, CMATHConfig)
    assert (recipe.model.width, recipe.model.attention.heads, recipe.training.seed) == (64, 8, 4)


def test_the_name_of_the_model_chooses_the_network(write):
    recipe = load_recipe(write("model: {name: early_fusion, layers: 2}"))
    assert isinstance(recipe.model, EarlyFusionConfig)
    assert recipe.model.layers == 2
    with pytest.raises(
        RecipeError, match=r"model\.name: no network is registered as 'lstm'; did you mean 'bc_lstm'\? there are cmath, .*"
    ):
        load_recipe(write("model: {name: lstm}"))


def test_trust_that_nothing_teaches_is_warned_of(write):
    assert load_recipe(write("{}")).warnings == []
    (warning,) = load_recipe(write("objective: {latent: 0}")).warnings
    assert "trust means nothing with objective.latent 0" in warning
    assert load_recipe(write("{objective: {latent: 0}, model: {fusion: {variational: false}}}")).warnings == []
    assert load_recipe(write("{objective: {latent: 0}, model: {name: early_fusion}}")).warnings == []


def test_changes_are_laid_over_key_by_key():
    base = {
        "model": {"name": "cmath", "width": 8, "fusion": {"kind": "pool", "latent": 4}},
        "data": {"features": {"text": "a", "audio": "b"}},
    }
    changed = overlaid(base, {"model": {"fusion": {"kind": "concat"}}, "data": {"features": {"text": "c"}}, "about": "new"})
    assert changed["model"] == {"name": "cmath", "width": 8, "fusion": {"kind": "concat", "latent": 4}}
    assert changed["data"] == {"features": {"text": "c"}}, "the keys of features say what is taken"
    assert changed["about"] == "new"
    assert overlaid(base, {"model": {"name": "sdt", "heads": 2}})["model"] == {"name": "sdt", "heads": 2}, "another network's keys"
    assert base["model"]["fusion"]["kind"] == "pool", "what was given stays as it is"


def test_recipes_are_frozen():
    with pytest.raises(ValidationError):
        Recipe(name="x").name = "y"


@pytest.mark.parametrize(
    ("options", "read"),
    [
        (["training.learning_rate=3e-4"], lambda r: r.training.learning_rate == 3e-4),
        (["training.seed=1", "training.seed=2"], lambda r: r.training.seed == 2),
        (
            ["data.store=store/meld", "data.features.text=R1"],
            lambda r: (r.data.store, r.data.features["text"]) == ("store/meld", "R1"),
        ),
        (["model.central=[text]"], lambda r: r.model.central == ("text",)),
        (["training.patience=null"], lambda r: r.training.patience is None),
        (["model.attention.causal=true"], lambda r: r.model.attention.causal is True),
        (["model={name: early_fusion, layers: 1}"], lambda r: r.model.layers == 1),
        (["model.name=early_fusion"], lambda r: isinstance(r.model, EarlyFusionConfig)),
        (["about=a = b"], lambda r: r.about == "a = b"),
    ],
    ids=lambda value: str(value) if isinstance(value, list) else "",
)
def test_options_are_laid_over_the_file_from_left_to_right(write, options, read):
    assert read(load_recipe(write("training: {seed: 9, epochs: 3}"), options))
    assert load_recipe(write("training: {seed: 9, epochs: 3}"), options).training.epochs == 3


@pytest.mark.parametrize("option", ["training.seed", "=3", "training..seed=1", ".seed=1", ""])
def test_an_option_of_another_form_is_told_how_to_write_one(write, option):
    with pytest.raises(RecipeError, match=r"write KEY=VALUE, such as training\.learning_rate=3e-4"):
        load_recipe(write("{}"), [option])


def test_an_option_below_a_single_value_is_refused(write):
    with pytest.raises(RecipeError, match="'name' holds a single value"):
        load_recipe(write("name: x"), ["name.seed=3"])


@pytest.mark.parametrize(
    ("option", "nearest", "allowed"),
    [
        ("trainng.seed=1", "did you mean training", "allowed in a recipe: name, about, protocol, calibration, data"),
        ("training.learning_rte=1", "did you mean training.learning_rate", "epochs, batch_conversations"),
        ("training.lr=1", "did you mean training.learning_rate", "allowed in training: "),
        ("model.atention.heads=1", "did you mean model.attention", "allowed in model: name, width"),
        ("model.attention.head=1", "did you mean model.attention.heads", "allowed in model.attention: heads"),
        ("model.tower.layer=1", "did you mean model.tower.layers", "allowed in model.tower: layers"),
        ("data.stores=x", "did you mean data.store", "allowed in data: store"),
        ("objective.labelsmoothing=0.1", "did you mean objective.label_smoothing", "allowed in objective: fine"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(write, option, nearest, allowed):
    with pytest.raises(RecipeError, match="unknown key") as caught:
        load_recipe(write("{}"), [option])
    message = str(caught.value)
    assert option.split("=")[0].split(".")[0] in message
    assert nearest in message
    assert allowed in message
    assert "\n" not in message


def test_an_unknown_key_of_the_rival_is_answered_with_the_rivals_keys(write):
    with pytest.raises(RecipeError, match=r"model\.layer: unknown key; did you mean model\.layers\?"):
        load_recipe(write("model: {name: early_fusion, layer: 2}"))


def test_nothing_like_it_gets_no_guess(write):
    with pytest.raises(RecipeError, match="unknown key; allowed in training: ") as caught:
        load_recipe(write("training: {zzzzqqq: 1}"))
    assert "did you mean" not in str(caught.value)


def test_all_faults_stand_in_one_line(write):
    with pytest.raises(RecipeError) as caught:
        load_recipe(write("training: {epochs: 0, sed: 1}\nobjective: {fine: -1}"))
    message = str(caught.value)
    assert "\n" not in message
    assert all(
        part in message for part in ("recipe.yaml", "training.epochs", "found 0", "training.sed", "objective.fine", "found -1")
    )


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("training: {epochs: many}", "training.epochs"),
        ("training: {epochs: 2.5}", "training.epochs"),
        ("training: 3", "training"),
        ("training:", "training"),
        ("model: {attention: {heads: 0}}", "model.attention.heads"),
        ("model: {central: text}", "model.central"),
        ("model: {fusion: {kind: sum}}", "model.fusion.kind"),
        ("model: {dropout: .nan}", "model.dropout"),
        ("training: {learning_rate: .inf}", "training.learning_rate"),
        ("data: {features: [text]}", "data.features"),
        ("corruption: {drop_utterance: 1.5}", "corruption.drop_utterance"),
        ("name: [x]", "name"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_its_key(write, text, key):
    with pytest.raises(RecipeError, match=rf"{key}: ") as caught:
        load_recipe(write(text))
    assert "unknown key" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_heads_must_divide_the_width(write):
    with pytest.raises(RecipeError, match=r"model: width 31 is not a multiple of attention\.heads 2"):
        load_recipe(write("model: {width: 31}"))


def test_an_even_kernel_is_refused(write):
    with pytest.raises(RecipeError, match=r"model\.reconstruction\.kernel"):
        load_recipe(write("model: {reconstruction: {kernel: 2}}"))


@pytest.mark.parametrize(
    "text", ["a: [", "training: {seed: 1}\ntraining: {seed: 2}", "name: 2024-13-45", "\tx: 1", "!!python/name:os.getpid x"]
)
def test_what_is_no_valid_yaml_is_one_line(write, text):
    with pytest.raises(RecipeError, match=r"recipe\.yaml: not a readable YAML file") as caught:
        load_recipe(write(text))
    assert "\n" not in str(caught.value)


def test_a_repeated_key_is_named(write):
    with pytest.raises(RecipeError, match="key 'seed' occurs more than once"):
        load_recipe(write("training: {seed: 1, seed: 2}"))


@pytest.mark.parametrize("text", ["", "- a\n- b", "just words", "3"])
def test_a_recipe_is_a_mapping(write, text):
    with pytest.raises(RecipeError, match="a recipe is a mapping of keys to values, found"):
        load_recipe(write(text))


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(RecipeError, match="no such recipe"):
        load_recipe(tmp_path / "gone.yaml")
    with pytest.raises(RecipeError, match="a folder; a recipe is a YAML file"):
        load_recipe(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: caf\xe9".encode("latin-1"))
    with pytest.raises(RecipeError, match="not a readable YAML file"):
        load_recipe(tmp_path / "latin.yaml")


def test_a_wrong_value_in_an_option_is_told(write):
    with pytest.raises(RecipeError, match=r"--set 'name=\[': the value is no valid YAML"):
        load_recipe(write("{}"), ["name=["])


FRACTION = st.floats(0, 1, exclude_max=True)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
RECIPES = st.fixed_dictionaries(
    {"name": NAMES, "about": NAMES},
    optional={
        "data": st.fixed_dictionaries({}, optional={"store": NAMES, "features": st.dictionaries(NAMES, NAMES, max_size=2)}),
        "model": st.one_of(
            st.fixed_dictionaries({"dropout": FRACTION, "central": st.none() | st.lists(NAMES, max_size=3)}),
            st.fixed_dictionaries({"name": st.just("early_fusion"), "dropout": FRACTION, "layers": st.integers(1, 24)}),
        ),
        "objective": st.fixed_dictionaries(
            {"kl": st.floats(0, 1e6), "class_weights": st.sampled_from(["none", "balanced", "root"])}
        ),
        "training": st.fixed_dictionaries(
            {
                "learning_rate": st.floats(0, exclude_min=True, allow_infinity=False),
                "patience": st.none() | st.integers(1, 99),
                "warmup": FRACTION,
            }
        ),
    },
)


@given(RECIPES)
def test_what_is_dumped_is_loaded_again_bit_for_bit(values):
    recipe = recipe_from(values)
    text = dump_recipe(recipe)
    assert recipe_from(yaml.safe_load(text)) == recipe
    assert dump_recipe(recipe_from(yaml.safe_load(text))) == text


def test_a_dumped_recipe_holds_every_default_and_loads_from_its_file(write):
    recipe = Recipe(name="x", about="naïve: ‘quoted’")
    text = dump_recipe(recipe)
    assert load_recipe(write(text)) == recipe
    assert set(yaml.safe_load(text)) == set(Recipe.model_fields)
    assert yaml.safe_load(text)["training"] == recipe.training.model_dump()
