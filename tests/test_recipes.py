"""Every recipe that ships loads, and trains and is judged, shortened, on an invented corpus with the features that it names."""

from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STUDIES = tuple(sorted((ROOT / "recipes").glob("study-*.yaml")))
RECIPES = (*sorted(set((ROOT / "recipes").glob("*.yaml")) - set(STUDIES)), ROOT / "src/merc/assets/demo.yaml")
SHORT = ("training.epochs=1", "training.device=cpu", "model.width=8")
ONE_FEATURE = "sole"  # what a modality offers where the recipe takes whatever there is


def labels_of(recipe):
    """The classes of the corpus that a recipe is for."""
    from merc.data.formats import mosi
    from merc.data.formats.corpora import IEMOCAP, MELD

    known = {IEMOCAP.name: IEMOCAP.labels, MELD.name: MELD.labels, "mosi": mosi.LABELS.names, "demo": IEMOCAP.labels}
    return known[recipe.name.split("-")[0]]


def corpus_for(recipe):
    """A synthetic corpus under the names that the recipe uses for features and split."""
    from merc.data.planting import Stream
    from merc.data.schema import Split
    from merc.data.synthetic import SyntheticConfig, synthesise

    names = {modality: name or ONE_FEATURE for modality, name in recipe.data.features.items()}
    names = names or dict.fromkeys(("text", "audio", "visual"), ONE_FEATURE)
    streams = tuple(Stream(modality=modality, dimension=5, quality=2.0, absent=0.1) for modality in names)
    sizes = {"train": 6, "validation": 2, "test": 2, "length": (3, 6)}
    made = synthesise(SyntheticConfig(**sizes, classes=labels_of(recipe), streams=streams))
    specs = {spec.key: spec.model_copy(update={"name": names[spec.modality]}) for spec in made.feature_schema}
    return replace(
        made,
        feature_schema=tuple(specs.values()),
        conversations=tuple(
            replace(c, features={specs[key].key: array for key, array in c.features.items()}) for c in made.conversations
        ),
        splits={recipe.data.split: Split(recipe.data.split, made.splits["official"].parts)},
        notes={"synthetic": True},
    )


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipe_trains_and_is_judged(path, tmp_path):
    from merc.config import load_recipe
    from merc.data.store import save_store
    from merc.run import evaluate, train

    whole = load_recipe(path)
    assert whole.name == path.stem and whole.about
    save_store(corpus_for(whole), tmp_path / "store")
    heads = "model.heads=2" if whole.model.name == "sdt" else "model.attention.heads=2"
    recipe = load_recipe(path, [*SHORT, heads, f"data.store={tmp_path / 'store'}"])
    run = train(recipe, tmp_path / "run")
    assert run.outcome.finished and run.outcome.epochs == 1
    if whole.data.features:
        assert run.recogniser.modalities == tuple(whole.data.features)
    report = evaluate(tmp_path / "run").report
    assert report.model == whole.name and report.split == whole.data.split
    assert report.coarse.conversations == 2 and 0 <= report.coarse.weighted_f1 <= 1


def test_there_are_recipes():
    assert {"meld", "meld-text", "iemocap", "mosi", "demo"} <= {path.stem for path in RECIPES}
