"""The recogniser: saved and loaded bit for bit, shared without a network, and clear about what it can't judge."""

import json
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch

import merc.inference.recogniser as module
from crowding import Door, in_threads
from merc.annotation.transcripts.conversations import read_conversations
from merc.cli import main
from merc.data.preprocessing import Preprocessor
from merc.data.schema import Conversation, Corpus, FeatureSpec, LabelSet, Utterance
from merc.encoders import resolver
from merc.errors import FeatureError, RunError
from merc.files.checksums import CHECKSUMS
from merc.files.hub import HubError
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.networks.cmath.network import CMATHConfig
from merc.synthetic.conversations import SyntheticConfig, synthesise
from merc.synthetic.planting import Stream
from open_formats import write_jsonl

RECORD = ModelRecord({"weighted_f1": 0.1 + 0.2}, "by hand", {"name": "made", "sizes": {"train": 3}}, {"merc": "0"}, 7, ("beware",))


@pytest.fixture(scope="module")
def recogniser(tiny_corpus, tiny_recipe):
    recipe = tiny_recipe(model={"reconstruction": {"kernel": 3}})
    preprocessor = Preprocessor.fit(tiny_corpus, tiny_corpus.part("official", "train"))
    torch.manual_seed(0)
    return Recogniser(
        recipe.model.build(preprocessor.widths, 3), preprocessor, replace(RECORD, recipe=recipe.model_dump(mode="json"))
    )


@pytest.fixture
def saved(recogniser, tmp_path):
    recogniser.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


@pytest.fixture(scope="module")
def judged(tiny_corpus):
    return tiny_corpus.part("official", "test")


def test_labels_do_not_matter_even_foreign_ones(recogniser, judged):
    def labelled(label):
        return [replace(c, utterances=tuple(replace(u, label=label) for u in c.utterances)) for c in judged]

    def predicted(given):
        return [[replace(u, label=None) for u in c.utterances] for c in recogniser.predict(given)]

    assert predicted(labelled("of another corpus")) == predicted(labelled(None)) == predicted(judged)


def test_every_utterance_is_answered_in_order(recogniser, judged):
    found = recogniser.predict(judged)
    assert [c.id for c in found] == [c.id for c in judged]
    for conversation, answer in zip(judged, found, strict=True):
        assert [u.id for u in answer.utterances] == [u.id for u in conversation.utterances]
        assert [u.speaker for u in answer.utterances] == [u.speaker for u in conversation.utterances]
        sample = recogniser.preprocessor.sample(conversation)
        for u, there in zip(answer.utterances, sample.present, strict=True):
            assert list(u.probabilities) == list(recogniser.label_set.names)
            assert sum(u.probabilities.values()) == pytest.approx(1, abs=1e-9)
            assert u.emotion == max(u.probabilities, key=u.probabilities.get)
            assert u.present == tuple(m for m, p in zip(recogniser.modalities, there, strict=True) if p)
            assert sum(u.trust.values()) == pytest.approx(1 if u.present else 0, abs=1e-5)
            assert all(u.trust[m] == 0 for m in recogniser.modalities if m not in u.present)
            assert u.uncertainty > 0


def test_the_answers_are_the_networks(recogniser, judged):
    from merc.data.batching import collate

    for conversation, answer in zip(judged, recogniser.predict(judged), strict=True):
        batch = collate([recogniser.preprocessor.sample(conversation)])
        with torch.inference_mode():
            output = recogniser.network(batch)
        expected = output.coarse.logits[0].softmax(dim=-1).numpy()
        np.testing.assert_allclose([list(u.probabilities.values()) for u in answer.utterances], expected, atol=1e-5)
        np.testing.assert_allclose([list(u.trust.values()) for u in answer.utterances], output.trust[0], atol=1e-5)
        np.testing.assert_allclose([u.uncertainty for u in answer.utterances], output.uncertainty[0], atol=1e-5)


def test_levels_are_judged_by_name(recogniser, judged):
    samples = [recogniser.preprocessor.sample(c) for c in judged]
    for sample, found in zip(samples, recogniser.infer(samples), strict=True):
        assert set(found.levels) == {f"{level}/{m}" for level in ("fine", "unimodal") for m in ("text", "audio", "visual")}
        assert all(p.shape == (len(sample), 3) for p in found.levels.values())


def test_inference_runs_in_evaluation_mode_and_leaves_the_networks_mode(recogniser, judged):
    expected = recogniser.predict(judged)
    recogniser.network.train()
    assert recogniser.predict(judged) == expected
    assert recogniser.network.training
    recogniser.network.eval()


def test_saved_and_loaded_it_answers_the_same_bit_for_bit(recogniser, saved, judged):
    assert sorted(p.name for p in saved.iterdir()) == ["README.md", "checksums.json", "config.json", "model.safetensors"]
    for again in (load(saved), load(str(saved)), load(saved.parent), Recogniser.from_pretrained(saved)):
        assert again.predict(judged) == recogniser.predict(judged)
        assert again.record == recogniser.record
        assert again.preprocessor.specs == recogniser.preprocessor.specs
        assert again.label_set == recogniser.label_set


def test_a_loaded_model_saves_the_same_files(saved, tmp_path):
    load(saved).save_pretrained(tmp_path / "again")
    for name in ("config.json", "model.safetensors", "README.md", "checksums.json"):
        assert (tmp_path / "again" / name).read_bytes() == (saved / name).read_bytes()


def test_the_card_and_the_config_are_those_of_the_model(recogniser, saved):
    text = (saved / "README.md").read_text(encoding="utf-8")
    assert text == recogniser.card()
    assert "beware" in text
    assert "by hand" in text
    config = json.loads((saved / "config.json").read_text())
    assert config["labels"] == list(recogniser.label_set.names)
    assert [s["spec"]["modality"] for s in config["standardisation"]] == ["text", "audio", "visual"]


class Hub:
    """Stands in for the hub's client and keeps what was uploaded."""

    def __init__(self, folder):
        self.folder, self.calls = folder, []

    def __call__(self, token=None):
        return self

    def create_repo(self, repo_id, private, exist_ok):
        self.calls.append(("create", repo_id, private))
        return type("Url", (), {"repo_id": repo_id})

    def upload_folder(self, *, repo_id, folder_path, **_):
        shutil.copytree(folder_path, self.folder)
        self.calls.append(("upload", repo_id))
        return f"https://hub.example/{repo_id}"


def test_pushed_to_a_hub_and_loaded_from_it(recogniser, judged, tmp_path, monkeypatch):
    hub = Hub(tmp_path / "hub")
    monkeypatch.setattr("huggingface_hub.HfApi", hub)
    assert recogniser.push_to_hub("someone/emotions", private=True) == "https://hub.example/someone/emotions"
    assert hub.calls == [("create", "someone/emotions", True), ("upload", "someone/emotions")]
    assert sorted(p.name for p in hub.folder.iterdir()) == ["README.md", "checksums.json", "config.json", "model.safetensors"]
    asked = []

    def download(repo, files, *, revision, token, **_):
        assert all(any(path.match(pattern) for pattern in files) for path in hub.folder.iterdir() if path.name != "README.md")
        asked.append((repo, revision, token))
        return hub.folder

    monkeypatch.setattr(module, "hub_folder", download)
    monkeypatch.chdir(tmp_path)
    assert load("someone/emotions").predict(judged) == recogniser.predict(judged)
    assert Recogniser.from_pretrained("someone/emotions", revision="v1", token="t").predict(judged) == recogniser.predict(judged)
    assert asked == [("someone/emotions", None, None), ("someone/emotions", "v1", "t")]


def test_what_the_hub_lacks_is_one_clear_error(tmp_path, monkeypatch):
    def download(*_, **__):
        raise HubError("there is no such model")

    monkeypatch.setattr(module, "hub_folder", download)
    monkeypatch.chdir(tmp_path)
    message = r"^someone/nothing: no such folder, and it can't be had from the Hugging Face Hub: there is no such model$"
    with pytest.raises(RunError, match=message):
        load("someone/nothing")


@pytest.mark.parametrize("name", ["nothing", "./a/b", "/nowhere/model", "a/b/c"])
def test_a_path_is_never_asked_of_the_hub(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "hub_folder", lambda *_, **__: pytest.fail("asked the hub"))
    with pytest.raises(RunError, match=r"no model here; expected config\.json and model\.safetensors"):
        load(name)


def test_an_empty_folder_holds_no_model(tmp_path):
    with pytest.raises(RunError, match="no model here"):
        load(tmp_path)


def test_from_pretrained_takes_no_other_arguments(saved):
    with pytest.raises(TypeError, match="recipe"):
        Recogniser.from_pretrained(saved, recipe={})


def test_the_languages_are_kept_and_older_models_have_none(recogniser, tmp_path):
    Recogniser(recogniser.network, recogniser.preprocessor, replace(recogniser.record, languages=("de", "en"))).save_pretrained(
        tmp_path / "model"
    )
    assert load(tmp_path / "model").record.languages == ("de", "en")
    assert "German, English" in (tmp_path / "model" / "README.md").read_text()
    config = json.loads((tmp_path / "model" / "config.json").read_text())
    del config["record"]["languages"]
    (tmp_path / "model" / "config.json").write_text(json.dumps(config))
    (tmp_path / "model" / CHECKSUMS).unlink()
    with pytest.warns(UserWarning, match=CHECKSUMS):
        assert load(tmp_path / "model").record.languages == ()


def test_features_of_another_dimension_name_the_conversation(recogniser, judged):
    wrong = judged[0].with_features({"text/planted": np.zeros((len(judged[0]), 9), dtype=np.float32)})
    with pytest.raises(FeatureError, match=rf"conversation '{judged[0].id}': text/planted has shape .*expects \(utterances, 6\)"):
        recogniser.predict([wrong])


@pytest.mark.parametrize("change", [{"dimension": 9}, {"encoder": "minilm"}, {"version": "2"}])
def test_features_declared_as_another_encoders_are_refused(recogniser, judged, tiny_corpus, change):
    schema = tiny_corpus.feature_schema
    assert recogniser.predict(judged, specs=schema) == recogniser.predict(judged)
    specs = (*schema[:1], schema[1].model_copy(update=change), *schema[2:])
    ((what, value),) = change.items()
    message = (
        f"feature audio/planted of the given conversations: {what} {value}; the model was trained on {getattr(schema[1], what)}"
    )
    with pytest.raises(FeatureError, match=message):
        recogniser.predict(judged, specs=specs)
    without = [replace(c, features={k: x for k, x in c.features.items() if k != "audio/planted"}) for c in judged]
    assert recogniser.predict(without, specs=specs) == recogniser.predict(without)  # declared, and in no conversation


def test_a_file_that_declares_another_encoder_is_refused(recogniser, judged, tiny_corpus, saved, tmp_path):
    schema = tiny_corpus.feature_schema
    write_jsonl(tiny_corpus, tmp_path / "same.jsonl")
    same = read_conversations(tmp_path / "same.jsonl")
    assert same.specs == schema
    assert [c.id for c in same.conversations] == [c.id for c in tiny_corpus.conversations]
    assert main(["predict", str(saved), str(tmp_path / "same.jsonl"), "--json"]) == 0
    other = (schema[0].model_copy(update={"encoder": "minilm"}), *schema[1:])
    write_jsonl(replace(tiny_corpus, feature_schema=other), tmp_path / "other.jsonl")
    assert main(["predict", str(saved), str(tmp_path / "other.jsonl"), "--json"]) != 0


def test_a_saved_model_tells_no_folder_of_the_machine(recogniser, tmp_path):
    data = {**recogniser.record.recipe["data"], "store": "/secret/place/store", "labels": "/secret/place/two.yaml"}
    warning = "run 'merc data probe /secret/place/store'"
    record = replace(recogniser.record, warnings=(warning,), recipe={**recogniser.record.recipe, "data": data})
    Recogniser(recogniser.network, recogniser.preprocessor, record).save_pretrained(tmp_path / "model")
    for path in (tmp_path / "model").iterdir():
        assert b"/secret" not in path.read_bytes(), path.name
    again = load(tmp_path / "model")
    assert (again.record.recipe["data"]["store"], again.record.recipe["data"]["labels"]) == ("store", "two.yaml")
    assert again.record.warnings == ("run 'merc data probe store'",)


def test_nothing_usable_is_refused_and_named(recogniser, judged):
    bare = replace(judged[0], features={})
    with pytest.raises(
        FeatureError, match=r"no usable features; the model takes text/planted, audio/planted, visual/planted; found no"
    ):
        recogniser.predict([judged[1], bare])
    gone = judged[0].with_features({key: np.full_like(x, np.nan) for key, x in judged[0].features.items()})
    with pytest.raises(FeatureError, match="found text/planted, audio/planted, visual/planted"):
        recogniser.predict([gone])


def test_a_conversation_may_lack_modalities(recogniser, judged):
    one = replace(judged[0], features={"audio/planted": np.ones((len(judged[0]), 5), dtype=np.float32)})
    (answer,) = recogniser.predict([one])
    assert all(u.present == ("audio",) and u.trust["audio"] == pytest.approx(1) for u in answer.utterances)


class Counting:
    """An encoder: how often each vowel occurs, and the length."""

    name, version, dimension, modality = "counting", "1", 6, "text"

    def __init__(self):
        self.asked = []

    def encode(self, transcripts, progress=None):
        self.asked.append(list(transcripts))
        rows = [[np.nan] * 6 if not t else [*(t.count(v) for v in "aeiou"), len(t)] for t in transcripts]
        return np.asarray(rows, dtype=np.float32)


WORDS = ("go away now", "oh I see", "well, that is kind of you", "no", "aha", "you again", "fine by me", "why ever not")


def talk(name, start, count, labels=(), encoded=False):
    turns = tuple(
        Utterance(str(i), "AB"[i % 2], words=WORDS[(start + i) % 8], label=labels[i % len(labels)] if labels else None)
        for i in range(count)
    )
    conversation = Conversation(name, turns)
    rows = Counting().encode([u.words for u in turns])
    return conversation.with_features({"text/counting": rows}) if encoded else conversation


@pytest.fixture(scope="module")
def make_reader(tiny_recipe):
    """Makes a model of text features that this encoder made."""

    def make(encoder):
        return read_by(encoder, tiny_recipe())

    return make


@pytest.fixture
def reader(make_reader):
    return make_reader("counting")


@pytest.fixture
def loaded(monkeypatch):
    """Makes the resolver load this encoder, and collects the names that it was asked for."""

    def make(encoder):
        asked = []

        def text_encoder(name, device, backend):
            assert device == "cpu"
            asked.append(name)
            return encoder

        monkeypatch.setattr(resolver, "text_encoder", text_encoder)
        return asked

    return make


def read_by(encoder, recipe):
    corpus = Corpus(
        "talk",
        LabelSet(names=("calm", "cross", "glad")),
        (FeatureSpec(modality="text", name="counting", dimension=6, encoder=encoder, version="1"),),
        (talk("a", 0, 8, ("calm", "cross"), encoded=True),),
    )
    preprocessor = Preprocessor.fit(corpus, corpus.conversations)
    return Recogniser(recipe.model.build(preprocessor.widths, 3), preprocessor, ModelRecord(recipe=recipe.model_dump(mode="json")))


def test_words_are_encoded_by_the_encoder_that_the_model_names_which_is_kept(reader, loaded):
    encoder = Counting()
    named = loaded(encoder)
    given = [talk("x", 3, 4), talk("y", 1, 2, encoded=True), talk("z", 5, 1)]
    found = reader.predict(given)
    assert reader.predict(given) == found
    assert named == ["counting"]
    assert encoder.asked == [[WORDS[3], WORDS[4], WORDS[5], WORDS[6], WORDS[5]]] * 2
    assert [c.utterances for c in found] == [
        c.utterances for c in reader.predict([talk("x", 3, 4, encoded=True), given[1], talk("z", 5, 1, encoded=True)])
    ]


def test_two_conversations_of_one_id_are_not_mixed_up(reader, loaded):
    loaded(Counting())
    found = reader.predict([talk("x", 0, 3), talk("x", 4, 2)])
    assert found == reader.predict([talk("x", 0, 3, encoded=True), talk("x", 4, 2, encoded=True)])


@pytest.mark.parametrize("change", [{"name": "other"}, {"version": "2"}, {"dimension": 7}])
def test_another_encoder_is_refused(reader, loaded, change):
    encoder = Counting()
    for name, value in change.items():
        setattr(encoder, name, value)
    loaded(encoder)
    with pytest.raises(FeatureError, match="text/counting was made by encoder 'counting', version 1, dimension 6; found"):
        reader.predict([talk("x", 0, 3)])
    assert encoder.asked == []


def test_words_are_no_use_to_a_model_of_unknown_encoder(make_reader):
    with pytest.raises(FeatureError, match="no usable features; the model takes text/counting"):
        make_reader("unknown").predict([talk("x", 0, 3)])


def test_embeddings_of_every_level(recogniser, judged):
    for level in ("coarse", "fine/text", "unimodal/audio"):
        found = recogniser.embed(judged, level)
        assert [z.shape for z in found] == [(len(c), 6) for c in judged]
        assert all(np.isfinite(z).all() for z in found)
    with pytest.raises(FeatureError, match=r"no embedding of level 'fine/smell'; there are: coarse, fine/text"):
        recogniser.embed(judged, "fine/smell")


def test_its_repr_fits_on_a_line(recogniser):
    assert repr(recogniser) == "Recogniser(tiny: calm, cross, glad; from text/planted, audio/planted, visual/planted)"


def test_numbers_that_are_not_finite_are_one_error_of_all_that_infer(recogniser, judged, monkeypatch):
    weight = recogniser.network.unimodal_classifier.weight
    monkeypatch.setattr(weight, "data", torch.full_like(weight, torch.inf))
    message = rf"^conversation '{judged[0].id}': model tiny computes probabilities that are not finite numbers; "
    for attempt in (recogniser.predict, recogniser.judge, recogniser.embed):
        with pytest.raises(RunError, match=message) as caught:
            attempt(judged)
        assert "\n" not in str(caught.value)


def test_eight_modalities_and_one(tiny_recipe):
    """As many modalities as a corpus may hold, and a lone one."""
    for count in (1, 8):
        streams = tuple(Stream(modality=f"m{i}", dimension=2 + i, quality=1.0) for i in range(count))
        corpus = synthesise(SyntheticConfig(train=2, validation=1, test=1, length=(2, 3), streams=streams))
        preprocessor = Preprocessor.fit(corpus, corpus.conversations)
        model = Recogniser(tiny_recipe().model.build(preprocessor.widths, 6), preprocessor, ModelRecord())
        for answer in model.predict(corpus.conversations):
            assert all(np.isfinite(list(u.probabilities.values())).all() for u in answer.utterances)


def test_threads_load_models_one_at_a_time_and_leave_the_random_generator_alone(saved, monkeypatch):
    door, build = Door(), CMATHConfig.build
    monkeypatch.setattr(CMATHConfig, "build", lambda *given: door() or build(*given))
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    in_threads(partial(load, saved), partial(load, saved))
    assert (door.met, door.calls) == (0, 4), "each is built once for its sizes and once for its weights"
    assert torch.equal(before, torch.random.get_rng_state())
