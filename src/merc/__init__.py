"""Multimodal emotion recognition in conversation with CMATH.

model = merc.load("runs/meld")
emotions = model.predict(conversations)
run = merc.train(merc.load_recipe("recipes/meld.yaml"), "runs/meld")
evaluation = merc.evaluate("runs/meld")
annotation = merc.annotate("talk.mp4", "talk.srt")
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from merc.annotation.annotation import Annotation
    from merc.annotation.annotator import annotate
    from merc.annotation.media.decoding import Sound
    from merc.annotation.options import Options
    from merc.data.batching import Batch
    from merc.data.schema import Conversation, Corpus, Utterance
    from merc.data.store.store import open_store
    from merc.errors import MercError
    from merc.inference.loading import load
    from merc.inference.recogniser import Recogniser
    from merc.networks.interface import Level, Network, NetworkOutput
    from merc.networks.registry import NetworkConfig, register_network
    from merc.runs.evaluation import evaluate
    from merc.runs.training import train
    from merc.training.recipe import Recipe, load_recipe

__all__ = [
    "Annotation",
    "Batch",
    "Conversation",
    "Corpus",
    "Level",
    "MercError",
    "Network",
    "NetworkConfig",
    "NetworkOutput",
    "Options",
    "Recipe",
    "Recogniser",
    "Sound",
    "Utterance",
    "annotate",
    "evaluate",
    "load",
    "load_recipe",
    "open_store",
    "register_network",
    "train",
]

_HOME = {
    "Annotation": "merc.annotation.annotation",
    "Batch": "merc.data.batching",
    "Conversation": "merc.data.schema",
    "Corpus": "merc.data.schema",
    "Level": "merc.networks.interface",
    "MercError": "merc.errors",
    "Network": "merc.networks.interface",
    "NetworkConfig": "merc.networks.registry",
    "NetworkOutput": "merc.networks.interface",
    "Options": "merc.annotation.options",
    "Recipe": "merc.training.recipe",
    "Recogniser": "merc.inference.recogniser",
    "Sound": "merc.annotation.media.decoding",
    "Utterance": "merc.data.schema",
    "annotate": "merc.annotation.annotator",
    "evaluate": "merc.runs.evaluation",
    "load": "merc.inference.loading",
    "load_recipe": "merc.training.recipe",
    "open_store": "merc.data.store.store",
    "register_network": "merc.networks.registry",
    "train": "merc.runs.training",
}


def __getattr__(name: str) -> object:
    """Imports on first use, so that `merc --help` need not wait for torch."""
    if name not in _HOME:
        raise AttributeError(f"module 'merc' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
