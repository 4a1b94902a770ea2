"""The model card: what a hub reads, what a user must know, and nothing of the machine that it was made on."""

import yaml

from merc.data.schema import FeatureSpec
from merc.inference.card import MISUSE, PAPER, encoder_shown, model_card
from merc.inference.record import ModelRecord
from merc.training.recipe import Recipe, recipe_from

LOCAL = FeatureSpec(modality="text", name="mine", dimension=384, encoder="/home/me/models/my-encoder", version="0123abcd")
PUBLIC = FeatureSpec(modality="audio", name="is10", dimension=1582, encoder="openSMILE", version="3.0")


def card(**changes):
    values = {
        "recipe": Recipe(name="meld-text"),
        "scores": {"weighted_f1": 0.58765, "accuracy": 0.6},
        "chosen_by": "highest weighted F1 on validation",
        "corpus": {"name": "meld", "licence": "GPL-3.0", "conversations": {"train": 5}},
        "versions": {"merc": "0.1.0", "torch": "2.13.0"},
        "warnings": ("the probe was blind",),
        "languages": ("en", "es"),
        **changes,
    }
    record = ModelRecord(**{**values, "recipe": values["recipe"].model_dump(mode="json")})
    return model_card(record, ("calm", "cross"), (LOCAL, PUBLIC), 1234567)


def test_the_header_is_yaml_that_a_hub_reads():
    _, header, body = card().split("---\n", 2)
    assert yaml.safe_load(header) == {
        "library_name": "merc",
        "language": ["en", "es"],
        "tags": ["emotion-recognition", "conversation", "multimodal", "cmath"],
    }
    assert body.lstrip().startswith("# meld-text\n")


def test_the_card_says_all_that_it_was_told():
    text = card()
    for part in (
        "1,234,567 parameters",
        "calm, cross",
        "| weighted_f1 | 0.5877 |",
        "| audio | is10 | 1582 | openSMILE | 3.0 |",
        "highest weighted F1 on validation",
        "- licence: GPL-3.0",
        "- the probe was blind",
        "merc 0.1.0, torch 2.13.0",
        PAPER,
        MISUSE,
        "not the authors' code",
        "Languages of its words: English, Spanish.",
        "other speakers, languages, recordings",
    ):
        assert part in text


def test_the_folder_of_a_local_encoder_is_not_told():
    assert encoder_shown(LOCAL) == "my-encoder"
    assert encoder_shown(PUBLIC) == "openSMILE"
    assert encoder_shown(LOCAL.model_copy(update={"encoder": "org/model"})) == "org/model"
    assert "| text | mine | 384 | my-encoder | 0123abcd |" in card()
    assert "/home/me/" not in card()


def test_folders_of_the_recipe_are_not_told():
    recipe = recipe_from({"name": "x", "data": {"store": "/home/me/stores/meld", "labels": "/home/me/labels/three.yaml"}})
    warning = "corpus 'meld' was not probed: run 'merc data probe /home/me/stores/meld'"
    text = card(recipe=recipe, warnings=(warning,))
    assert "/home/me/" not in text
    assert "store: meld" in text
    assert "merc data probe meld" in text
    assert "store: store/meld" in card(recipe=recipe_from({"name": "x", "data": {"store": "store/meld"}}))


def test_the_recipe_in_the_card_is_the_recipe():
    recipe = recipe_from({"name": "x", "training": {"seed": 5}, "model": {"name": "early_fusion"}})
    text = card(recipe=recipe)
    assert recipe_from(yaml.safe_load(text.split("```yaml\n")[1].split("```")[0])) == recipe
    assert "early_fusion, trained with merc." in text


def test_nothing_known_is_said_so():
    text = card(scores={}, corpus={}, versions={}, warnings=(), languages=(), recipe=Recipe(name="x", about="For people."))
    assert "| none | |" in text
    assert "- unknown" in text
    assert "Languages of its words: not known." in text and "language:" not in text
    assert "Software: unknown." in text
    assert "For people." in text
