"""A saved model, in a folder or on a model hub.

`model.safetensors` (weights), `config.json` (recipe, label set, feature schema, standardisation, scores and how they were chosen),
`README.md` (the model card) and, if its text encoder was tuned, `adapter-1.safetensors` and so on.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load

from merc.data.preprocessing import Preprocessor
from merc.data.schema import LabelSet
from merc.data.standardisation import Standardiser
from merc.encoders.registry import LOADING
from merc.encoders.text.adapter import Adapter, adapter_file, adapter_from, joint_version
from merc.encoders.text.dialogue import DIALOGUE
from merc.errors import FeatureError, RecipeError, RunError
from merc.files.validation import explain
from merc.inference.record import ModelRecord
from merc.networks.registry import NetworkConfig, network_config

if TYPE_CHECKING:
    from merc.networks.interface import Network
else:
    Network = object  # torch is slow to import

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
FORMAT = 2
Model = TypeVar("Model")


def read_model(locate: Callable[[str], Path], make: Callable[..., Model]) -> Model:
    """Reads a model's files.

    Args:
        locate: file's name -> where it lies.
        make: takes the arguments of `merc.inference.recogniser.Recogniser`.

    Raises:
        RunError: the config, the weights or an adapter are missing or damaged.
    """
    config_path, weights_path = locate(CONFIG), locate(WEIGHTS)
    try:
        config = json.loads(config_path.read_text(encoding="utf-8"))
        if config["format"] != FORMAT:
            raise RunError(f"{config_path}: model format {config['format']}, this version reads {FORMAT}")
        temperature, count = float(config["temperature"]), int(config["adapters"])
        if not (math.isfinite(temperature) and temperature > 0):
            raise RunError(f"{config_path}: temperature {temperature}; allowed is a number above 0")
        standardisers = [Standardiser.from_state(state) for state in config["standardisation"]]
        preprocessor = Preprocessor(LabelSet(names=tuple(config["labels"])), {s.spec.modality: s for s in standardisers})
        record = ModelRecord.from_json(config["record"], config["recipe"])
        with LOADING:  # a network's module imports torch
            settings = network_config(record.recipe["model"])
    except RunError:
        raise
    except RecipeError as error:
        raise RunError(f"{config_path}: not a merc model's config ({error})") from None
    except (KeyError, TypeError, ValueError, OSError) as error:
        reason = explain(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
        raise RunError(f"{config_path}: not a merc model's config ({reason})") from None
    network = _with_weights(settings, preprocessor, weights_path)
    adapters = tuple(_read_adapter(locate(adapter_file(number))) for number in range(1, count + 1))
    for spec in preprocessor.specs:
        # A model that was trained on a store's vectors has no adapters, and judges what holds such vectors.
        if spec.encoder == DIALOGUE and adapters and joint_version(adapters) != spec.version:
            raise RunError(f"{config_path}: feature {spec.key} needs adapters of version {spec.version}; the saved ones are others")
    return make(network, preprocessor, record, adapters=adapters, temperature=temperature)


def _with_weights(settings: NetworkConfig, preprocessor: Preprocessor, path: Path) -> Network:
    with LOADING:
        import torch

        with torch.random.fork_rng(devices=()):  # the weights that are drawn are replaced; the caller's generator is as before
            network = settings.build(preprocessor.widths, len(preprocessor.label_set))
    try:
        network.load_state_dict({name: torch.from_numpy(np.array(array)) for name, array in load(path.read_bytes()).items()})
    except (SafetensorError, RuntimeError, OSError, ValueError) as error:
        raise RunError(f"{path}: damaged weights, or another model's ({str(error).splitlines()[0]})") from None
    return network


def _read_adapter(path: Path) -> Adapter:
    try:
        return adapter_from(path.read_bytes(), str(path))
    except (FeatureError, OSError) as error:
        raise RunError(f"{path}: an adapter of the text encoder is missing or damaged ({error})") from None
