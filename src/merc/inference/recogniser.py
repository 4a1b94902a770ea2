"""A trained network with all that it needs to label conversations."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from merc.data.preprocessing import Preprocessor, Sample
from merc.data.schema import Absence, Conversation, FeatureSpec, LabelSet
from merc.encoders.derivation import differences, source_of
from merc.encoders.device import usable_device
from merc.encoders.interface import BackendChoice
from merc.encoders.resolver import FeatureResolver
from merc.encoders.text.adapter import Adapter, adapter_file
from merc.encoders.text.languages import foreign_words
from merc.errors import FeatureError, MissingExtraError, RunError
from merc.files.arguments import shown
from merc.files.checksums import CHECKSUMS, sha256, write_checksums
from merc.files.hub import HubError, hub_folder
from merc.files.printable import printable
from merc.files.tensors import tensor_bytes
from merc.graphs.errors import NotExportableError
from merc.inference.backend import BACKENDS, Backend, BackendName, infer
from merc.inference.card import model_card
from merc.inference.given import given_conversations, given_specs
from merc.inference.predictions import JudgedConversation, PredictionArrays, judged_utterances, not_finite
from merc.inference.record import ModelRecord
from merc.inference.saved import CARD, CONFIG, FORMAT, GRAPH, WEIGHTS, SavedNetwork, read_model

if TYPE_CHECKING:
    from merc.networks.interface import Network
else:
    Network = object  # torch is slow to import

Own = TypeVar("Own", bound="Recogniser")


class Recogniser:
    """A trained model.

    Args:
        network, preprocessor, record: what was trained, what prepares its inputs, and its record.
        adapters: of the tuned text encoder; none if it has none.
        temperature: what the coarse head's logits are divided by.
        backend: what is asked to run the network and the bundled text encoder; `auto` is ONNX Runtime on the CPU where it can.

    Attributes:
        features: where each feature that the model takes comes from; keeps the encoders that were loaded.
    """

    def __init__(
        self,
        network: Network | SavedNetwork,
        preprocessor: Preprocessor,
        record: ModelRecord,
        *,
        adapters: Sequence[Adapter] = (),
        temperature: float = 1.0,
        backend: BackendChoice = "auto",
    ) -> None:
        self._network = network if isinstance(network, SavedNetwork) else network.eval()
        self.preprocessor = preprocessor
        self.record = record
        self.temperature = temperature
        self.features = FeatureResolver(preprocessor.specs, adapters, backend=backend)

    def __repr__(self) -> str:
        features = ", ".join(spec.key for spec in self.preprocessor.specs)
        return f"{type(self).__name__}({self.name}: {', '.join(self.label_set.names)}; from {features})"

    @property
    def name(self) -> str:
        """The name of the recipe that it was trained by."""
        return self.record.name

    @property
    def network(self) -> Network:
        """Torch's network. A model that runs by its graph becomes torch's at the first look at it, since it may be changed.

        Raises:
            MissingExtraError: torch is not installed.
        """
        if isinstance(self._network, SavedNetwork):
            self._network = self._network.build().eval()
        return self._network

    @property
    def backend(self) -> BackendName:
        """What runs the network now."""
        return self._backend().name

    @property
    def label_set(self) -> LabelSet:
        """The classes."""
        return self.preprocessor.label_set

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the network takes."""
        return self.preprocessor.modalities

    @property
    def adapters(self) -> tuple[Adapter, ...]:
        """Of the tuned text encoder; none if it has none."""
        return self.features.adapters

    def to(self: Own, device: str) -> Own:
        """Moves the network to a device, such as `cpu` or `cuda:0`; encoders that are loaded from then on run there too.

        On another device than the CPU torch runs the network.

        Raises:
            RunError: no such device here, or the model was loaded for ONNX Runtime.
            MissingExtraError: the device is not the CPU, and torch is not installed.
        """
        device = usable_device(device)
        if device != "cpu" and self.features.backend == "onnx":
            raise RunError(f"device {device!r}: ONNX Runtime runs on the CPU here; load the model with backend 'auto' or 'torch'")
        if device != "cpu" or not isinstance(self._network, SavedNetwork):
            self.network.to(device)
        if device != self.features.device:
            self.features = FeatureResolver(self.preprocessor.specs, self.adapters, device, self.features.backend)
        return self

    def weights_sha256(self) -> str:
        """SHA-256 of the weights as `model.safetensors` holds them."""
        return sha256(self.weights())

    def check_specs(self, specs: Sequence[FeatureSpec], where: str) -> None:
        """Refuses features that were made by another encoder, or are of another dimension, than the model's.

        Where a derived feature is not declared, its source is what the model takes. Features that the model does not take may be
        anything.

        Args:
            specs: declared of the features.
            where: the features' owner, for the message.

        Raises:
            FeatureError: naming the feature, what was found and what the model takes.
        """
        declared = {spec.key: spec for spec in given_specs(specs)}
        for taken in self.preprocessor.specs:
            spec = taken if taken.key in declared else source_of(taken, specs) or taken
            found = declared.get(spec.key)
            if found and (what := next(iter(differences(found, spec)), None)):
                raise FeatureError(
                    f"feature {spec.key} of {where}: {what} {getattr(found, what)}; the model was trained on {getattr(spec, what)}"
                )

    def predict(
        self, conversations: Conversation | Iterable[Conversation], specs: Sequence[FeatureSpec] = ()
    ) -> tuple[JudgedConversation, ...]:
        """Labels every utterance.

        Features that are not given are made from words or from other features. Where an encoder is not installed, the modality is
        absent; a warning and the result report it. A warning says, too, which share of the words seems to be in a language that the
        model was not trained on. Conversations of more than 512 utterances run in pieces (`merc.data.pieces`).

        Args:
            conversations: with features of the encoders that the model was trained on, or with words; labels do not matter.
                A single one counts as a list of one.
            specs: what is declared of the given features, such as a corpus's schema; features without one are taken on trust.

        Raises:
            DataError: something else than conversations, or text that is not valid Unicode.
            FeatureError: features of another dimension, another encoder's, or nothing usable in any utterance.
            MissingExtraError: nothing is usable without an encoder that is not installed.

        Example:
            >>> import merc
            >>> chat = merc.Conversation("chat", (merc.Utterance("1", "Ann", "I got the job!"),))
            >>> merc.load().predict([chat])[0].utterances[0].emotion
            'joy'
        """
        given, specs = given_conversations(conversations), given_specs(specs)
        self.check_specs([spec for spec in specs if any(spec.key in c.features for c in given)], "the given conversations")
        completed, reasons = self.features.complete(given, specs)
        for modality, reason in reasons.items():
            warnings.warn(f"judged without {modality}: {reason}", stacklevel=2)
        if self.features.reads_words(without=reasons):
            for sentence in foreign_words(given, self.record.languages):
                warnings.warn(sentence, stacklevel=2)
        absences = tuple(Absence(None, modality, reason) for modality, reason in reasons.items())
        return tuple(replace(judged, absences=absences) for judged in self.judge(completed))

    def judge(self, conversations: Sequence[Conversation]) -> tuple[JudgedConversation, ...]:
        """Labels every utterance by the features that the conversations have; nothing is encoded.

        Raises:
            FeatureError: a feature of another dimension, or nothing usable in any utterance of a conversation.
        """
        conversations = given_conversations(conversations)
        samples = [self._usable_sample(conversation) for conversation in conversations]
        return tuple(
            JudgedConversation(
                conversation.id,
                judged_utterances(conversation.utterances, predicted, sample.present, self.label_set.names, self.modalities),
                self.modalities,
            )
            for conversation, sample, predicted in zip(conversations, samples, self.infer(samples), strict=True)
        )

    def infer(self, samples: Sequence[Sample], *, embeddings: bool = False) -> list[PredictionArrays]:
        """Runs the network over prepared samples; see `merc.inference.backend.infer`.

        Raises:
            RunError: it computes something that is not a finite number.
        """
        inferred = infer(self._backend(), samples, temperature=self.temperature, embeddings=embeddings)
        for sample, arrays in zip(samples, inferred, strict=True):
            if what := not_finite(arrays):
                raise RunError(
                    f"conversation {sample.conversation_id!r}: model {self.name} computes {what} that are not finite numbers; "
                    "its weights are damaged, or its training failed"
                )
        return inferred

    def embed(self, conversations: Conversation | Iterable[Conversation], level: str = "coarse") -> tuple[np.ndarray, ...]:
        """The network's representation of every utterance: the mean of its latent posterior.

        Args:
            conversations: as for `predict`.
            level: `coarse`, or such as `fine/text` and `unimodal/audio`.

        Returns:
            (T, Z) of each conversation.

        Raises:
            DataError, FeatureError: see `predict`; or the network has no such level, or no latents.

        Example:
            >>> import merc
            >>> chat = merc.Conversation("chat", (merc.Utterance("1", "Ann", "I got the job!"),))
            >>> merc.load().embed([chat], "unimodal/text")[0].shape
            (1, 64)
        """
        allowed = ("coarse", *(f"{kind}/{modality}" for kind in ("fine", "unimodal") for modality in self.modalities))
        if level not in allowed:
            raise FeatureError(f"no embedding of level {level!r}; there are: {', '.join(allowed)}")
        completed, _ = self.features.complete(given_conversations(conversations))
        inferred = self.infer([self._usable_sample(conversation) for conversation in completed], embeddings=True)
        for each in inferred:
            if level not in each.embeddings:
                known = ", ".join(each.embeddings) or "none, as this network has no latents"
                raise FeatureError(f"no embedding of level {level!r}; there are: {known}")
        return tuple(each.embeddings[level] for each in inferred)

    def _usable_sample(self, conversation: Conversation) -> Sample:
        utterances = tuple(replace(u, label=None) for u in conversation.utterances)
        sample = self.preprocessor.sample(replace(conversation, utterances=utterances))
        if not sample.present.any():
            wanted = ", ".join(spec.key for spec in self.preprocessor.specs)
            words = any(u.words for u in conversation.utterances)
            bare = "words, and the model names no text encoder for them" if words else "no features and no words"
            found = ", ".join(conversation.features) or bare
            raise FeatureError(f"conversation {conversation.id!r}: no usable features; the model takes {wanted}; found {found}")
        return sample

    def _backend(self) -> Backend:
        if isinstance(self._network, SavedNetwork):
            return self._network.backend
        from merc.inference.torch_backend import TorchBackend

        return TorchBackend(self._network)

    def weights(self) -> bytes:
        """Content of `model.safetensors`."""
        if isinstance(self._network, SavedNetwork):
            return self._network.weights
        tensors = {name: t.detach().cpu().numpy() for name, t in self._network.state_dict().items()}
        return tensor_bytes(tensors, {"format": "pt"})

    def graph(self) -> bytes:
        """The network's graph in ONNX, which names `model.safetensors` as the file of its weights.

        Raises:
            NotExportableError: torch can't export the network for any number of utterances.
            MissingExtraError: what exports it is not installed.
        """
        if isinstance(self._network, SavedNetwork):
            return self._network.graph
        from merc.inference.saved_graph import graph_for

        widths, classes = self.preprocessor.widths, len(self.label_set)
        return graph_for(self._network, self.record.recipe.get("model", {}), widths, classes, self.weights(), WEIGHTS)

    def save_pretrained(self, folder: str | Path, *, graph: bool = True) -> None:
        """Writes the model's files: weights, graph, config, adapters, card, checksums.

        Args:
            folder: made if need be; files of the same names are replaced.
            graph: with the network's graph, by which the model runs without torch. A network that can't be exported is saved
                without one.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        record = self.record.shared()
        config = {
            "format": FORMAT,
            "recipe": record.recipe,
            "labels": list(self.label_set.names),
            "standardisation": [s.state() for s in self.preprocessor.standardisers.values()],
            "temperature": self.temperature,
            "adapters": len(self.adapters),
            "record": record.to_json(),
        }
        files = {WEIGHTS: self.weights(), CONFIG: (json.dumps(config, indent=1, allow_nan=False) + "\n").encode()}
        if graph:
            with suppress(NotExportableError, MissingExtraError):
                files[GRAPH] = self.graph()
        files |= {adapter_file(number): adapter.to_bytes() for number, adapter in enumerate(self.adapters, start=1)}
        for name, content in files.items():
            (place / name).write_bytes(content)
        if GRAPH not in files:  # of a model that was here before
            (place / GRAPH).unlink(missing_ok=True)
        (place / CARD).write_text(self.card(), encoding="utf-8")
        write_checksums(place, {name: sha256(content) for name, content in files.items()})

    def push_to_hub(
        self,
        repo_id: str,
        *,
        private: bool | None = None,
        token: str | None = None,
        branch: str | None = None,
        create_pr: bool | None = None,
        commit_message: str = "Push model with merc",
    ) -> str:
        """Saves the model to a model hub; the arguments are those of every `push_to_hub` of the hub's library.

        Returns:
            The URL of the commit.
        """
        from huggingface_hub import HfApi

        api = HfApi(token=token)
        repo_id = api.create_repo(repo_id=repo_id, private=private, exist_ok=True).repo_id
        with TemporaryDirectory() as staged:
            self.save_pretrained(staged)
            return api.upload_folder(
                repo_id=repo_id, folder_path=staged, commit_message=commit_message, revision=branch, create_pr=create_pr
            )

    def card(self) -> str:
        """The model card, in Markdown with the hub's header."""
        if isinstance(self._network, SavedNetwork):
            count = self._network.parameters
        else:
            count = sum(p.numel() for p in self._network.parameters() if p.requires_grad)
        return model_card(self.record, self.label_set.names, self.preprocessor.specs, count)

    @classmethod
    def from_pretrained(
        cls: type[Own],
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        backend: BackendChoice = "auto",
    ) -> Own:
        """A model from a folder or a model hub; the arguments are those of every `from_pretrained` of the hub's library.

        Args:
            backend: see `merc.inference.loading.load_model`.

        Raises:
            RunError: the model can't be had, a file of it is missing or damaged, or it has no graph for `backend="onnx"`.
            MissingExtraError: it needs torch, which is not installed.
        """
        if backend not in BACKENDS:
            raise RunError(f"backend {shown(backend)}; allowed are {', '.join(BACKENDS)}")
        folder = Path(pretrained_model_name_or_path)
        if not folder.is_dir():
            try:
                folder = hub_folder(
                    str(pretrained_model_name_or_path),
                    (CONFIG, WEIGHTS, GRAPH, CHECKSUMS, "adapter-*.safetensors"),
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            except HubError as error:
                name = printable(str(pretrained_model_name_or_path))
                raise RunError(f"{name}: no such folder, and it can't be had from the Hugging Face Hub: {error}") from error
        return read_model(folder, partial(cls, backend=backend), backend)
