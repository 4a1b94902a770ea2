"""Multimodal emotion recognition in conversation with CMATH.

model = merc.load()  # the model that comes with merc; merc.load("runs/meld") for any other
annotation = model.annotate("talk.mp4", transcript="talk.srt")
judged = model.predict(conversations)
run = merc.train(merc.load_recipe("recipes/meld.yaml"), "runs/meld")
evaluation = merc.evaluate("runs/meld")
adapted = merc.adapt(merc.open_store("store/mine"), "runs/mine")  # the model that comes with merc, to one's own labels
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

from merc.files.extras import naming_extras

if TYPE_CHECKING:
    from merc.annotation.annotation import Annotation
    from merc.annotation.annotator import annotate
    from merc.annotation.media.recording import Sound
    from merc.annotation.model import Model, load
    from merc.annotation.options import Options
    from merc.annotation.transcripts.transcript import Transcript
    from merc.data.batching import Batch
    from merc.data.schema import Absence, Conversation, Corpus, FeatureSpec, LabelSet, Split, Utterance
    from merc.data.store.store import open_store, save_store
    from merc.errors import MercError
    from merc.evaluation.report import Conditions
    from merc.inference.predictions import JudgedConversation, JudgedUtterance
    from merc.networks.interface import Level, Network, NetworkOutput
    from merc.networks.registry import NetworkConfig, register_network
    from merc.runs.adaptation.run import adapt
    from merc.runs.evaluation import evaluate
    from merc.runs.training import train
    from merc.training.recipe import Recipe, load_recipe

__version__ = version("merc")
__all__ = [
    "Absence",
    "Annotation",
    "Batch",
    "Conditions",
    "Conversation",
    "Corpus",
    "FeatureSpec",
    "JudgedConversation",
    "JudgedUtterance",
    "LabelSet",
    "Level",
    "MercError",
    "Model",
    "Network",
    "NetworkConfig",
    "NetworkOutput",
    "Options",
    "Recipe",
    "Sound",
    "Split",
    "Transcript",
    "Utterance",
    "adapt",
    "annotate",
    "evaluate",
    "load",
    "load_recipe",
    "open_store",
    "register_network",
    "save_store",
    "train",
]

_HOME = {
    "Absence": "merc.data.schema",
    "Annotation": "merc.annotation.annotation",
    "Batch": "merc.data.batching",
    "Conditions": "merc.evaluation.report",
    "Conversation": "merc.data.schema",
    "Corpus": "merc.data.schema",
    "FeatureSpec": "merc.data.schema",
    "JudgedConversation": "merc.inference.predictions",
    "JudgedUtterance": "merc.inference.predictions",
    "LabelSet": "merc.data.schema",
    "Level": "merc.networks.interface",
    "MercError": "merc.errors",
    "Model": "merc.annotation.model",
    "Network": "merc.networks.interface",
    "NetworkConfig": "merc.networks.registry",
    "NetworkOutput": "merc.networks.interface",
    "Options": "merc.annotation.options",
    "Recipe": "merc.training.recipe",
    "Sound": "merc.annotation.media.recording",
    "Split": "merc.data.schema",
    "Transcript": "merc.annotation.transcripts.transcript",
    "Utterance": "merc.data.schema",
    "adapt": "merc.runs.adaptation.run",
    "annotate": "merc.annotation.annotator",
    "evaluate": "merc.runs.evaluation",
    "load": "merc.annotation.model",
    "load_recipe": "merc.training.recipe",
    "open_store": "merc.data.store.store",
    "register_network": "merc.networks.registry",
    "save_store": "merc.data.store.store",
    "train": "merc.runs.training",
}


def __getattr__(name: str) -> object:
    """Imports on first use, so that `merc --help` need not wait for torch, and what needs no torch does without it."""
    if name not in _HOME:
        raise AttributeError(f"module 'merc' has no attribute {name!r}")
    with naming_extras(f"merc.{name}"):
        return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted({*_HOME, *(name for name in globals() if name.startswith("__"))})
