"""A saved model's files: damage to any of them is refused, in one line that names the file, before memory is taken for it."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
import torch

from merc.cli import main
from merc.data.preprocessing import Preprocessor
from merc.encoders.text.adapter import Adapter
from merc.errors import RunError
from merc.files.checksums import CHECKSUMS, sha256, write_checksums
from merc.files.tensors import tensor_bytes
from merc.inference.loading import load
from merc.inference.recogniser import Recogniser
from merc.inference.record import ModelRecord
from merc.networks import registry
from merc.networks.interface import Level, Network, NetworkOutput
from merc.networks.registry import NetworkConfig, register_network
from nesting import LISTS, OBJECTS, few_calls
from open_formats import write_jsonl

CONFIG, WEIGHTS, ADAPTER, CARD = "config.json", "model.safetensors", "adapter-1.safetensors", "README.md"
FILES = (ADAPTER, CHECKSUMS, CONFIG, WEIGHTS, CARD)
FLIPS = 200
HUGE = 10**9


@pytest.fixture(scope="module")
def preprocessor(tiny_corpus):
    return Preprocessor.fit(tiny_corpus, tiny_corpus.part("official", "train"))


@pytest.fixture(scope="module")
def folder(preprocessor, tiny_recipe, tmp_path_factory):
    """A model with an adapter, which no test changes."""
    recipe = tiny_recipe()
    torch.manual_seed(0)
    pair = np.eye(2, 3, dtype=np.float16), np.eye(4, 2, dtype=np.float16)
    model = Recogniser(
        recipe.model.build(preprocessor.widths, 3),
        preprocessor,
        ModelRecord(recipe=recipe.model_dump(mode="json"), warnings=("beware",)),
        adapters=[Adapter("minilm", "0", {"layer.0": pair})],
        temperature=1.5,
    )
    folder = tmp_path_factory.mktemp("saved") / "model"
    model.save_pretrained(folder)
    return folder


@pytest.fixture
def saved(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "model")


def signed(folder):
    """Gives changed files the checksums that they would have been saved with."""
    write_checksums(folder, {name: sha256((folder / name).read_bytes()) for name in (CONFIG, WEIGHTS, ADAPTER)})


def refusal(folder):
    """The one line by which a model is refused."""
    with pytest.raises(RunError) as caught:
        load(folder)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_flipped_bit_is_refused_by_the_files_name_or_without_effect(folder, saved, preprocessor, tiny_corpus):
    samples = [preprocessor.sample(tiny_corpus.conversations[0])]

    def outputs(model):
        (inferred,) = model.infer(samples, embeddings=True)
        return [
            inferred.probabilities,
            inferred.trust,
            inferred.uncertainty,
            *inferred.levels.values(),
            model.adapters[0].to_bytes(),
        ]

    expected = outputs(load(folder))
    random = np.random.default_rng(0)
    content = {name: (folder / name).read_bytes() for name in FILES}
    for _ in range(FLIPS):
        name = random.choice(FILES, p=[0.1, 0.2, 0.3, 0.38, 0.02])
        damaged = bytearray(content[name])
        damaged[random.integers(len(damaged))] ^= 1 << int(random.integers(8))
        (saved / name).write_bytes(damaged)
        if name == CARD:
            np.testing.assert_equal(outputs(load(saved)), expected)
        else:
            told = refusal(saved)  # a damaged checksum is told of the file that it belongs to
            assert told.startswith(f"{saved}/") and (name == CHECKSUMS or told.startswith(f"{saved / name}: damaged"))
        (saved / name).write_bytes(content[name])


@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, ADAPTER])
def test_a_missing_file_and_one_without_checksum_are_named(saved, name):
    checksums = json.loads((saved / CHECKSUMS).read_text())
    del checksums[name]
    write_checksums(saved, checksums)
    assert f"{saved / name}: not listed in checksums.json" in refusal(saved)
    (saved / name).unlink()
    assert ("can't be read: No such file" if name == ADAPTER else "no model here") in refusal(saved)


def test_more_adapters_than_were_saved_are_refused(saved):
    config = json.loads((saved / CONFIG).read_text())
    (saved / CONFIG).write_text(json.dumps({**config, "adapters": HUGE}))
    signed(saved)
    assert f"{saved}/adapter-2.safetensors: can't be read: No such file" in refusal(saved)


@pytest.mark.parametrize("content", ["", "{}", "[]", "3", '{"config.json": 3}', '{"a": "b", "a": "c"}', LISTS, OBJECTS, "\ufeff{}"])
def test_damaged_checksums_are_named(saved, content):
    (saved / CHECKSUMS).write_text(content)
    with few_calls() if "[[" in content or '{"a":{' in content else few_calls(500):
        assert refusal(saved).startswith(f"{saved / CHECKSUMS}: damaged checksums (")


def test_checksums_that_cant_be_read_are_not_called_damaged(saved):
    (saved / CHECKSUMS).unlink()
    (saved / CHECKSUMS).mkdir()
    assert refusal(saved) == f"{saved / CHECKSUMS}: can't be read: Is a directory"


def test_a_model_older_than_checksums_is_loaded_with_a_warning_and_saved_with_them(saved, folder):
    (saved / CHECKSUMS).unlink()
    with pytest.warns(UserWarning, match=r"model: no checksums\.json, so damage to its files would pass unseen"):
        model = load(saved)
    model.save_pretrained(saved)
    for name in FILES:
        assert (saved / name).read_bytes() == (folder / name).read_bytes(), name


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated_weights_are_one_clear_error(saved, share):
    content = (saved / WEIGHTS).read_bytes()
    (saved / WEIGHTS).write_bytes(content[: int(len(content) * share)])
    signed(saved)
    assert f"{saved / WEIGHTS}: damaged weights" in refusal(saved)


def tensors_of(path):
    from safetensors.numpy import load_file

    return load_file(path)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_named(saved, number):
    tensors = tensors_of(saved / WEIGHTS)
    tensors["offset"][1] = number
    (saved / WEIGHTS).write_bytes(tensor_bytes(tensors))
    signed(saved)
    assert refusal(saved) == f"{saved / WEIGHTS}: damaged weights: 1 of tensor offset are not finite numbers"


def test_adapters_that_are_not_finite_or_no_adapters_are_named(saved):
    content = (saved / ADAPTER).read_bytes()
    one = np.float16(1).tobytes()
    infinite = content[: content.rindex(one)] + np.float16(np.inf).tobytes() + content[content.rindex(one) + 2 :]
    cases = [
        (infinite, "a damaged adapter: tensor layer.0.B holds numbers"),
        (tensor_bytes({"layer.0.A": np.eye(2, dtype=np.float16)}, {"merc": LISTS}), "not an adapter, or damaged"),
        (content[:-1], "not an adapter, or damaged"),
    ]
    for damaged, reason in cases:
        (saved / ADAPTER).write_bytes(damaged)
        signed(saved)
        with few_calls(300) if LISTS.encode() not in damaged else few_calls(100):
            assert refusal(saved).startswith(f"{saved / ADAPTER}: {reason}")


def changed(values, path, value):
    """Nested plain values with another value at a dotted path; None removes it."""
    first, _, rest = path.partition(".")
    key = int(first) if isinstance(values, list) else first
    copy = list(values) if isinstance(values, list) else dict(values)
    if not rest and value is None:
        del copy[key]
    else:
        copy[key] = changed(values[key], rest, value) if rest else value
    return copy


FAULTS = [
    *[
        (key, None)
        for key in ("format", "recipe", "recipe.model", "labels", "standardisation", "record", "temperature", "adapters")
    ],
    *[(key, value) for key in ("recipe", "record", "standardisation", "labels", "adapters") for value in ("x", [[]], 0.5)],
    *[("temperature", value) for value in (0, -1.0, "nan", "x", [[]])],
    ("adapters", -1),
    *[(f"record.{key}", 3) for key in ("scores", "corpus", "versions", "warnings")],
    ("format", 99),
    ("labels", ["calm"]),
    ("labels", [["calm"], ["cross"]]),
    ("record", {}),
    ("record.seed", "x"),
    ("recipe.model.widht", 8),
    ("recipe.model.name", "a network that nobody has"),
    ("recipe.model.width", "x" * 5000),
    ("recipe.model.central", ["smell"]),
    ("standardisation.0.spec.modality", "A B"),
    ("standardisation.0.spec.dimension", HUGE),
    ("standardisation.0.mean", ["x"]),
    ("standardisation.0.mean.0", 10**400),
    ("standardisation.0.deviation.0", 0),
    ("standardisation.0.kept.0", 10**30),
    ("standardisation.0.clip", -1.0),
]


@pytest.mark.parametrize(("path", "value"), [pytest.param(*fault, id=f"{n} {fault[0]}") for n, fault in enumerate(FAULTS)])
def test_a_fault_of_the_config_is_one_clear_error(saved, path, value):
    config = json.loads((saved / CONFIG).read_text())
    (saved / CONFIG).write_text(json.dumps(changed(config, path, value)))
    signed(saved)
    told = refusal(saved)
    assert told.startswith(f"{saved / CONFIG}: ") and len(told) < 700


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        pytest.param(b'"beware"', LISTS.encode(), "nested too deep", id="nested"),
        pytest.param(b'"beware"', OBJECTS.encode(), "nested too deep", id="nested objects"),
        pytest.param(b"1.5", b"9" * 5000, "digits", id="thousands of digits"),
        pytest.param(b"1.5", b"NaN", "NaN is not a finite number", id="NaN"),
        pytest.param(b"1.5", b"-Infinity", "-Infinity is not a finite number", id="infinity"),
        pytest.param(b"1.5", b"1e999", "1e999 is not a finite number", id="beyond doubles"),
        pytest.param(b'"beware"', b'"\xff"', "utf-8", id="not UTF-8"),
        pytest.param(b'"adapters"', b'"format"', "key 'format' occurs more than once", id="a key twice"),
        pytest.param(b'"adapters"', b"adapters", "JSONDecodeError", id="no JSON"),
    ],
)
def test_a_config_that_is_no_strict_json_is_one_clear_error(saved, old, new, reason):
    content = (saved / CONFIG).read_bytes()
    assert content.count(old) == 1
    (saved / CONFIG).write_bytes(content.replace(old, new))
    signed(saved)
    with few_calls() if "nested" in reason else few_calls(500):
        told = refusal(saved)
    assert told.startswith(f"{saved / CONFIG}: not a merc model's config (") and reason in told


@pytest.mark.parametrize(
    "sizes",
    [
        {"width": 12_000},
        {"width": HUGE},
        {"width": 2 * 10**30},
        {"fusion.latent": HUGE},
        {"reconstruction.hidden": HUGE},
        {"attention.max_distance": HUGE},
        {"attention.heads": 8, "width": 8 * HUGE},
        {"tower.layers": 24},
    ],
    ids=str,
)
def test_sizes_are_held_against_the_weights_before_memory_is_taken(saved, sizes, monkeypatch):
    taken = []
    build = type(load(saved).network.config).build

    def watched(config, widths, classes):
        network = build(config, widths, classes)
        taken.append(next(network.parameters()).device.type)
        return network

    config = json.loads((saved / CONFIG).read_text())
    for path, size in sizes.items():
        config = changed(config, f"recipe.model.{path}", size)
    (saved / CONFIG).write_text(json.dumps(config))
    signed(saved)
    monkeypatch.setattr(type(load_config(config)), "build", watched)
    told = refusal(saved)
    assert set(taken) <= {"meta"}
    assert f"{saved / WEIGHTS}: damaged weights, or another model's (" in told or "no network can be built of it" in told


def load_config(config):
    from merc.networks.registry import network_config

    return network_config(config["recipe"]["model"])


@pytest.mark.parametrize("change", ["shape", "missing", "more"])
def test_weights_of_another_model_are_refused_by_the_tensors_name(saved, change):
    tensors = tensors_of(saved / WEIGHTS)
    name = "offset"
    if change == "shape":
        tensors[name] = tensors[name][:2]
    elif change == "missing":
        del tensors[name]
    else:
        tensors[name + "es"] = tensors[name]
    (saved / WEIGHTS).write_bytes(tensor_bytes(tensors))
    signed(saved)
    reason = {
        "shape": "tensor offset has shape [2]; config.json asks for [3]",
        "missing": "no tensor offset",
        "more": "a tensor offsetes, for which config.json has no place",
    }[change]
    assert refusal(saved) == f"{saved / WEIGHTS}: damaged weights, or another model's ({reason})"


class Foreign(Network):
    """Another package's network, which can't be built without memory, and adds an infinite mask to its logits."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.linear = torch.nn.Linear(width, classes)
        self.scale = float(torch.ones(1).item())
        self.register_buffer("mask", torch.tensor([0.0] * (classes - 1) + [-torch.inf]))

    def forward(self, batch):
        return NetworkOutput(Level(self.linear(next(iter(batch.inputs.values()))) * self.scale + self.mask))


def test_a_network_of_another_package_loads_though_it_needs_memory_to_be_built(preprocessor, tiny_corpus, tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))

    @register_network
    class ForeignConfig(NetworkConfig):
        name: str = "foreign_of_a_test"

        def build(self, widths: Mapping[str, int], classes: int) -> Network:
            return Foreign(next(iter(widths.values())), classes)

    record = ModelRecord(recipe={"name": "foreign", "model": {"name": "foreign_of_a_test"}})
    model = Recogniser(ForeignConfig().build(preprocessor.widths, 3), preprocessor, record)
    model.save_pretrained(tmp_path / "model")
    judged = tiny_corpus.part("official", "test")
    assert load(tmp_path / "model").predict(judged) == model.predict(judged)
    assert replace(load(tmp_path / "model").record, recipe={}) == replace(record, recipe={})


@pytest.mark.filterwarnings("default:.*no checksums")
def test_the_command_line_warns_of_it_in_one_line(saved, tiny_corpus, tmp_path, capsys):
    write_jsonl(tiny_corpus, tmp_path / "talks.jsonl")
    (saved / CHECKSUMS).unlink()
    assert main(["predict", str(saved), str(tmp_path / "talks.jsonl"), "--json"]) == 0
    told = capsys.readouterr().err
    assert told == f"warning: {saved}: no checksums.json, so damage to its files would pass unseen; saving it anew writes one\n"
