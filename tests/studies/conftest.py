"""A small study on disk: CMATH, two rivals, two ablations, on the small corpus."""

import pytest

from studies.inline import in_this_process

BASE = """\
about: Small.
data: {{store: {store}, features: {{text: planted, audio: planted, visual: planted}}}}
model:
  width: 8
  dropout: 0.1
  attention: {{heads: 2, max_distance: 3}}
  reconstruction: {{hidden: 7}}
  fusion: {{latent: 6}}
training: {{epochs: 2, batch_conversations: 3, learning_rate: 5.0e-3}}
"""
STUDY = """\
about: A small study.
base: small.yaml
seeds: {cmath: 3, strongest: 3, rivals: 2, ablations: 1}
strongest: 1
rivals: [majority, early-fusion]
ablations: [without-corruption]
robustness: {drop: [0.5], noise: [1.0]}
"""
VARIANTS = {
    "rivals/majority": "about: Always the most frequent class.\nmodel: {name: majority}\nobjective: {class_weights: none}\n",
    "rivals/early-fusion": "about: All in one.\nsame_size: true\nmodel: {name: early_fusion, layers: 1, attention: {heads: 2}}\n",
    "rivals/unimodal": "about: One modality.\nmodalities: singles\nmodel: {name: early_fusion, width: 8, attention: {heads: 2}}\n",
    "ablations/without-corruption": "about: None.\ncorruption: {drop_utterance: 0, noise_utterance: 0}\n",
    "ablations/pair": "about: Two modalities.\nmodalities: pairs\n",
    "ablations/some": "about: Two of them.\nmodalities: [audio, text]\n",
    "ablations/central-text": "about: Text leads.\nmodel: {central: [text]}\n",
    "ablations/central-smell": "about: Smell leads.\nmodel: {central: [smell]}\n",
    "ablations/diverges": "about: Goes wrong.\ntraining: {learning_rate: 1.0e+30, warmup: 0}\n",
}


@pytest.fixture(scope="session")
def study_store(tiny_corpus, tmp_path_factory):
    """The small corpus as a store."""
    from merc.data.store.store import save_store

    folder = tmp_path_factory.mktemp("study") / "store"
    save_store(tiny_corpus, folder)
    return folder


@pytest.fixture
def study_recipe(study_store, tmp_path):
    """Path of the study's recipe, with its base and variants beside it."""
    return write_recipes(tmp_path / "recipes", study_store)


@pytest.fixture(scope="session")
def finished_study(study_store, tmp_path_factory):
    """Folder of a study that ran to its end on the test part, but for a training that fails."""
    from merc.studies.runner import run_study
    from merc.studies.study import open_study

    folder = tmp_path_factory.mktemp("finished")
    recipe = write_recipes(folder / "recipes", study_store)
    opened = open_study(recipe, folder / "out", ["ablations=[without-corruption, diverges]"])
    with in_this_process():
        assert run_study(opened.plan, folder / "out", opened.store, processes=2).finished
    return folder / "out"


def write_recipes(folder, study_store):
    for name, text in VARIANTS.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "small.yaml").write_text(BASE.format(store=study_store))
    (folder / "study.yaml").write_text(STUDY)
    return folder / "study.yaml"
