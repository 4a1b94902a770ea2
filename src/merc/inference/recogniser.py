"""A trained network with everything that it needs to judge conversations: what a person loads, asks, saves and shares.

On disk, and on a model hub: `model.safetensors` (weights), `config.json` (recipe, label set, feature schema, standardisation,
scores and how they were chosen), `README.md` (the model card) and, if its text encoder was tuned, `adapter-1.safetensors` and so
on. No pickle anywhere.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from huggingface_hub import ModelHubMixin, hf_hub_download
from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
from pydantic import ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from merc.data.batching import batches_of
from merc.data.pieces import Piece, pieces_of
from merc.data.preprocessing import Preprocessor, Sample
from merc.data.schema import Conversation, FeatureSpec, LabelSet
from merc.data.standardisation import Standardiser
from merc.encoders.derivation import with_derived
from merc.encoders.encoding import encode_conversations, encoder_for
from merc.encoders.interface import Encoder
from merc.encoders.text.adapter import Adapter, adapter_file, adapter_from, joint_version
from merc.encoders.text.dialogue import DIALOGUE, DialogueEncoder
from merc.errors import FeatureError, RunError
from merc.files.validation import explain
from merc.inference.card import model_card, shared_recipe, shared_sentences
from merc.inference.predictions import ConversationEmotions, Judged, UtteranceEmotion, joined
from merc.inference.record import ModelRecord
from merc.networks.interface import Network, parameter_count
from merc.training.recipe import Recipe, recipe_from

WEIGHTS, CONFIG, CARD = "model.safetensors", "config.json", "README.md"
FORMAT = 1
BATCH_CONVERSATIONS = 64  # in inference
NO_ENCODERS = ("unknown", "planted")  # features that nothing can make from transcripts


class Recogniser(ModelHubMixin):
    """A trained model.

    Attributes:
        network, preprocessor, recipe, record: what was trained, what feeds it, how it was trained, what is known of it.
        adapters: of the tuned text encoder; none if it has none.
        temperature: what the coarse head's logits are divided by.
    """

    def __init__(
        self,
        network: Network,
        preprocessor: Preprocessor,
        recipe: Recipe,
        record: ModelRecord,
        *,
        adapters: Sequence[Adapter] = (),
        temperature: float = 1.0,
    ) -> None:
        self.network = network.eval()
        self.preprocessor = preprocessor
        self.recipe = recipe
        self.record = record
        self.adapters = tuple(adapters)
        self.temperature = temperature

    @property
    def label_set(self) -> LabelSet:
        """The classes."""
        return self.preprocessor.label_set

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities that the network takes."""
        return self.preprocessor.modalities

    def to(self, device: str | torch.device) -> Recogniser:
        """Moves the network to a device."""
        self.network.to(device)
        return self

    def check_specs(self, specs: Sequence[FeatureSpec], where: str) -> None:
        """Refuses features that were made by another encoder, or are of another dimension, than the model's.

        Two absolute folders with one version are one encoder that was moved. Features that the model does not take may be anything.

        Args:
            specs: declared of the features.
            where: the features' owner, for the message.

        Raises:
            FeatureError: naming the feature, what was found and what the model takes.
        """
        declared = {spec.key: spec for spec in specs}
        for spec in self.preprocessor.specs:
            found = declared.get(spec.key)
            if found is None:
                continue
            moved = Path(found.encoder).is_absolute() and Path(spec.encoder).is_absolute()
            for what in ("dimension", "version") if moved else ("dimension", "encoder", "version"):
                given, wanted = getattr(found, what), getattr(spec, what)
                if given != wanted:
                    raise FeatureError(f"feature {spec.key} of {where}: {what} {given}; the model was trained on {wanted}")

    def predict(
        self, conversations: Iterable[Conversation], encoder: Encoder | None = None, specs: Sequence[FeatureSpec] = ()
    ) -> tuple[ConversationEmotions, ...]:
        """Labels every utterance.

        Text that has no features yet is encoded from its transcripts by the encoder that the model names. Conversations of more
        than 512 utterances are judged in pieces (see `merc.data.pieces`).

        Args:
            conversations: with features of the encoders that the model was trained on, or with transcripts; labels do not matter.
            encoder: the text encoder, if it is loaded already; must be the one that the model names.
            specs: what is declared of the given features, such as a corpus's schema; features without one are taken on trust.

        Raises:
            FeatureError: features of another dimension, another encoder's, or nothing usable in any utterance.
        """
        given = tuple(conversations)
        self.check_specs([spec for spec in specs if any(spec.key in c.features for c in given)], "the given conversations")
        encoded = self.completed(given, encoder)
        samples = [self.preprocessor.sample(_unlabelled(c)) for c in encoded]
        for conversation, sample in zip(given, samples, strict=True):
            if not sample.present.any():
                wanted = ", ".join(spec.key for spec in self.preprocessor.specs)
                found = _describe(conversation)
                raise FeatureError(f"conversation {conversation.id!r}: no usable features; the model takes {wanted}; found {found}")
        return tuple(
            self._emotions(conversation, sample, judged)
            for conversation, sample, judged in zip(given, samples, self.judge(samples), strict=True)
        )

    def judge(self, samples: Sequence[Sample]) -> list[Judged]:
        """The network's word on prepared samples, in their order."""
        pieces = [(index, piece) for index, sample in enumerate(samples) for piece in pieces_of(sample)]
        judged = self._judge_pieces([piece for _, piece in pieces])
        parts: dict[int, list[Judged]] = {}
        for (index, _), part in zip(pieces, judged, strict=True):
            parts.setdefault(index, []).append(part)
        return [joined(parts[index]) for index in range(len(samples))]

    def _judge_pieces(self, pieces: Sequence[Piece]) -> list[Judged]:
        device = next(self.network.parameters()).device
        judged: dict[int, Judged] = {}
        samples = [piece.sample for piece in pieces]
        self.network.eval()
        with torch.inference_mode():
            for indices, batch in batches_of(samples, BATCH_CONVERSATIONS):
                output = self.network(batch.to(device))
                heads = {"coarse": output.coarse.logits.double() / self.temperature}
                heads |= {f"fine/{name}": level.logits.double() for name, level in output.fine.items()}
                heads |= {f"unimodal/{name}": level.logits.double() for name, level in output.unimodal.items()}
                probabilities = {name: logits.softmax(dim=-1).cpu().numpy() for name, logits in heads.items()}
                trust = None if output.trust is None else output.trust.double().cpu().numpy()
                uncertainty = None if output.uncertainty is None else output.uncertainty.double().cpu().numpy()
                for row, index in enumerate(indices):
                    own = slice(pieces[index].first, pieces[index].last)
                    judged[index] = Judged(
                        probabilities=probabilities["coarse"][row, own],
                        levels={name: p[row, own] for name, p in probabilities.items() if name != "coarse"},
                        trust=None if trust is None else trust[row, own],
                        uncertainty=None if uncertainty is None else uncertainty[row, own],
                    )
        return [judged[i] for i in range(len(pieces))]

    def completed(
        self, conversations: Sequence[Conversation], encoder: Encoder | DialogueEncoder | None = None
    ) -> tuple[Conversation, ...]:
        """Conversations with the features that the model takes and that can be made of what they have: of their transcripts, or of
        other features.

        Args:
            conversations: any; features that are there already stay.
            encoder: the text encoder, if it is loaded already; must be the one that the model names.

        Raises:
            FeatureError: the text encoder can't be had, or is another.
            MissingExtraError: it is not installed.
        """
        conversations = tuple(conversations)
        for spec in self.preprocessor.specs:
            conversations = tuple(with_derived(c, spec) for c in conversations)
            if spec.modality == "text":
                conversations = self._with_text(conversations, spec, encoder)
        return conversations

    def text_encoder(self, device: str = "cpu") -> Encoder | DialogueEncoder | None:
        """Loads the encoder of the model's text; None if nothing can make it of transcripts.

        Raises:
            FeatureError, MissingExtraError: see `completed`.
        """
        spec = next((spec for spec in self.preprocessor.specs if spec.modality == "text"), None)
        if spec is None or spec.encoder in NO_ENCODERS:
            return None
        if spec.encoder != DIALOGUE:
            return encoder_for(spec, device)
        if not self.adapters or joint_version(self.adapters) != spec.version:
            found = f"version {joint_version(self.adapters)}" if self.adapters else "none"
            raise FeatureError(
                f"feature {spec.key} needs the adapters of version {spec.version} that were saved with it; found {found}"
            )
        return DialogueEncoder(self.adapters, device)

    def _with_text(
        self, conversations: tuple[Conversation, ...], spec: FeatureSpec, encoder: Encoder | DialogueEncoder | None
    ) -> tuple[Conversation, ...]:
        bare = [
            i for i, c in enumerate(conversations) if spec.key not in c.features and any(u.transcript for u in c.utterances)
        ]  # by position: nothing keeps callers from giving two conversations one id
        if not bare or spec.encoder in NO_ENCODERS:
            return conversations
        encoder = encoder or self.text_encoder()
        assert encoder is not None  # a feature that names one
        encoded = encode_conversations([conversations[i] for i in bare], spec, encoder)
        ready = dict(zip(bare, encoded, strict=True))
        return tuple(ready.get(i, c) for i, c in enumerate(conversations))

    def _emotions(self, conversation: Conversation, sample: Sample, judged: Judged) -> ConversationEmotions:
        names, modalities = self.label_set.names, self.modalities
        return ConversationEmotions(
            conversation.id,
            tuple(
                UtteranceEmotion(
                    utterance_id=utterance.id,
                    speaker=utterance.speaker,
                    label=names[int(judged.probabilities[i].argmax())],
                    probabilities=dict(zip(names, judged.probabilities[i].tolist(), strict=True)),
                    trust={} if judged.trust is None else dict(zip(modalities, judged.trust[i].tolist(), strict=True)),
                    uncertainty=None if judged.uncertainty is None else float(judged.uncertainty[i]),
                    present=tuple(m for m, there in zip(modalities, sample.present[i], strict=True) if there),
                )
                for i, utterance in enumerate(conversation.utterances)
            ),
        )

    def _save_pretrained(self, save_directory: Path) -> None:
        tensors = {name: t.detach().cpu().contiguous() for name, t in self.network.state_dict().items()}
        save_file(tensors, save_directory / WEIGHTS, metadata={"format": "pt"})
        config = {
            "format": FORMAT,
            "recipe": shared_recipe(self.recipe).model_dump(mode="json"),
            "labels": list(self.label_set.names),
            "standardisation": [s.state() for s in self.preprocessor.standardisers.values()],
            "temperature": self.temperature,
            "adapters": len(self.adapters),
            "record": asdict(replace(self.record, warnings=shared_sentences(self.record.warnings, self.recipe))),
        }
        (save_directory / CONFIG).write_text(json.dumps(config, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        for number, adapter in enumerate(self.adapters, start=1):
            (save_directory / adapter_file(number)).write_bytes(adapter.to_bytes())
        (save_directory / CARD).write_text(self.card(), encoding="utf-8")

    def card(self) -> str:
        """The model card, in Markdown with the hub's header."""
        record = self.record
        return model_card(
            recipe=self.recipe,
            labels=self.label_set.names,
            specs=self.preprocessor.specs,
            parameters=parameter_count(self.network),
            scores=record.scores,
            chosen_by=record.chosen_by,
            corpus=record.corpus,
            versions=record.versions,
            warnings=record.warnings,
        )

    @classmethod
    def from_pretrained(
        cls,
        pretrained_model_name_or_path: str | Path,
        *,
        force_download: bool = False,
        token: str | bool | None = None,
        cache_dir: str | Path | None = None,
        local_files_only: bool = False,
        revision: str | None = None,
        **model_kwargs: object,
    ) -> Recogniser:
        """A model from a folder or a model hub; the arguments are those of every `from_pretrained` of the hub's library.

        The mixin's own method would read the config first, and take its keys for arguments of `__init__`.

        Raises:
            RunError: the config or the weights are missing or damaged.
        """
        if model_kwargs:
            raise TypeError(f"unknown arguments: {', '.join(model_kwargs)}")
        return cls._from_pretrained(
            model_id=str(pretrained_model_name_or_path),
            revision=revision,
            cache_dir=cache_dir,
            force_download=force_download,
            local_files_only=local_files_only,
            token=token,
        )

    @classmethod
    def _from_pretrained(
        cls,
        *,
        model_id: str,
        revision: str | None,
        cache_dir: str | Path | None,
        force_download: bool,
        local_files_only: bool,
        token: str | bool | None,
        **model_kwargs: object,
    ) -> Recogniser:
        def locate(name: str) -> Path:
            if Path(model_id).is_dir():
                return Path(model_id) / name
            return Path(
                hf_hub_download(
                    model_id,
                    name,
                    revision=revision,
                    cache_dir=cache_dir,
                    force_download=force_download,
                    local_files_only=local_files_only,
                    token=token,
                )
            )

        config_path, weights_path = locate(CONFIG), locate(WEIGHTS)
        try:
            config = json.loads(config_path.read_text(encoding="utf-8"))
            if config["format"] != FORMAT:
                raise RunError(f"{config_path}: model format {config['format']}, this version reads {FORMAT}")
            standardisers = [Standardiser.from_state(state) for state in config["standardisation"]]
            preprocessor = Preprocessor(LabelSet(names=tuple(config["labels"])), {s.spec.modality: s for s in standardisers})
            record = ModelRecord.from_json(config["record"])
            recipe = recipe_from(config["recipe"], str(config_path))
            temperature = float(config.get("temperature", 1.0))  # older models have none
            count = int(config.get("adapters", 0))
            if not (math.isfinite(temperature) and temperature > 0):
                raise RunError(f"{config_path}: temperature {temperature}; allowed is a number above 0")
        except (KeyError, TypeError, ValueError, OSError) as error:
            if isinstance(error, RunError):
                raise
            reason = explain(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {error}"
            raise RunError(f"{config_path}: not a merc model's config ({reason})") from None
        network = recipe.model.build(preprocessor.widths, len(preprocessor.label_set))
        try:
            network.load_state_dict(load_file(weights_path))
        except (SafetensorError, RuntimeError, OSError) as error:
            raise RunError(f"{weights_path}: damaged weights, or another model's ({str(error).splitlines()[0]})") from None
        adapters: list[Adapter] = []
        for number in range(1, count + 1):
            path = locate(adapter_file(number))
            try:
                adapters.append(adapter_from(path.read_bytes(), str(path)))
            except (FeatureError, OSError) as error:
                raise RunError(f"{path}: an adapter of the text encoder is missing or damaged ({error})") from None
        return cls(network, preprocessor, recipe, record, adapters=adapters, temperature=temperature)


def _unlabelled(conversation: Conversation) -> Conversation:
    return replace(conversation, utterances=tuple(replace(utterance, label=None) for utterance in conversation.utterances))


def _describe(conversation: Conversation) -> str:
    if conversation.features:
        return ", ".join(conversation.features)
    if any(u.transcript for u in conversation.utterances):
        return "transcripts, and the model names no text encoder for them"
    return "no features and no transcripts"


def load(path_or_hub_id: str | Path) -> Recogniser:
    """A model from a run's folder, a saved model's folder, or a model hub.

    Raises:
        RunError: nothing of the kind is there, or it is damaged.
    """
    path = Path(path_or_hub_id)
    for folder in (path, path / "model"):
        if (folder / CONFIG).is_file() and (folder / WEIGHTS).is_file():
            return Recogniser.from_pretrained(str(folder))
    beside_folders = path.parent != Path() and path.parent.is_dir()  # a mistyped run, then, and nothing to ask the network for
    if path.exists() or beside_folders or str(path_or_hub_id).count("/") != 1 or str(path_or_hub_id).startswith((".", "/")):
        raise RunError(f"{path}: no model here; expected {CONFIG} and {WEIGHTS}, in it or in its folder 'model'")
    try:
        return Recogniser.from_pretrained(str(path_or_hub_id))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise RunError(
            f"{path_or_hub_id}: no such folder, and the model hub did not give it ({str(error).splitlines()[0]})"
        ) from None
