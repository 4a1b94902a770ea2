"""The text models, on torch: the one module of the text encoders that imports it, itself imported when a model is loaded.

Shapes: B windows or texts of a batch, S tokens of the longest window, D features.
"""

from __future__ import annotations

import copy
import importlib.util
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from merc.encoders.registry import BUNDLED, ModelFolder, load_transformer, loading, resolve
from merc.encoders.text.adapter import Adapter
from merc.encoders.text.windows import TOKENS_PER_BATCH
from merc.errors import FeatureError, MissingExtraError
from merc.files.shapes import Float, Float32


class TransformersTokenizer:
    """A tokenizer of transformers, see `merc.encoders.text.windows.Tokenizer`."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.start: int | None = getattr(tokenizer, "cls_token_id", None)

    def ids(self, texts: Sequence[str]) -> list[list[int]]:
        """See `merc.encoders.text.windows.Tokenizer.ids`."""
        return self._tokenizer(list(texts), verbose=False)["input_ids"]


class AdaptedModel:
    """A text model with the adapters of one model, one or several, whose vectors are averaged.

    Attributes:
        limit: tokens that the model can take.
        dimension: D.
        batch_tokens: padded tokens of a batch.

    Raises:
        FeatureError: the model is not the one that the adapters change.
        MissingExtraError: see `load_base`.
    """

    batch_tokens = TOKENS_PER_BATCH

    def __init__(self, adapters: Sequence[Adapter], device: str) -> None:
        base, base_version = adapters[0].base, adapters[0].base_version
        tokenizer, model, version = load_base(base)
        self.tokenizer = TransformersTokenizer(tokenizer)
        if version != base_version:
            raise FeatureError(f"adapter for {base!r}, version {base_version}; found version {version}")
        model.to(device)
        self.limit = int(model.config.max_position_embeddings)
        self.dimension = int(model.config.hidden_size)
        self._models = [_adapted(model, adapter) for adapter in adapters]

    def embedding(self, tokens: int) -> Callable[[Sequence[Sequence[int]]], Float32[np.ndarray, "B D"]]:
        """See `merc.encoders.text.adapted_minilm.AdaptedMiniLM.embedding`; here it is the same for any number of tokens."""
        return self._embed

    def _embed(self, windows: Sequence[Sequence[int]]) -> Float32[np.ndarray, "B D"]:
        with torch.inference_mode():
            return torch.stack([pooled(model, windows) for model in self._models]).mean(dim=0).cpu().numpy()


class SentenceModel:
    """A model's own sentence vector; for a plain transformers model the mean over tokens of the last hidden state.

    Args:
        source: a checked folder. With `modules.json` it is read as a sentence-transformers model, else as a transformers model.
        device: to run on.

    Attributes:
        limit: tokens that the model takes of a text; None where it has no limit.
        batch_tokens: padded tokens of a batch.

    Raises:
        FeatureError: see `merc.encoders.registry.load_transformer`.
    """

    batch_tokens = TOKENS_PER_BATCH

    def __init__(self, source: ModelFolder, device: str) -> None:
        from sentence_transformers import SentenceTransformer

        model: Any = SentenceTransformer(  # its stub knows media types that pyright can't resolve
            str(source.folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
        if source.name not in BUNDLED:  # loaded once more, as sentence-transformers does not pass on which tensors are missing
            network = model[0].auto_model
            load_transformer(Path(network.name_or_path), type(network), config=network.config)
        self._model = model.float().eval()
        self._lock = threading.Lock()  # a tokenizer that pads and counts in turns can't do both at once
        self._prompt = str(model.prompts.get(model.default_prompt_name or "", ""))
        self.limit: int | None = model.max_seq_length

    def token_counts(self, texts: Sequence[str]) -> list[int]:
        """The tokens of each text, with those that the model adds."""
        if not texts:
            return []
        with self._lock:
            return [len(ids) for ids in self._model.tokenizer([self._prompt + text for text in texts], verbose=False)["input_ids"]]

    def embed(self, texts: Sequence[str]) -> Float32[np.ndarray, "B D"]:
        """The vectors of one batch of texts, one row each."""
        with self._lock:
            return np.asarray(self._model.encode(list(texts), batch_size=len(texts), show_progress_bar=False), dtype=np.float32)


class LayersModel(SentenceModel):
    """The last `layers` hidden states, lowest first, each averaged over the tokens, concatenated: D = layers x hidden size."""

    def __init__(self, source: ModelFolder, device: str) -> None:
        super().__init__(source, device)
        self._layers = source.layers

    def embed(self, texts: Sequence[str]) -> Float32[np.ndarray, "B D"]:
        """See `SentenceModel.embed`."""
        cut: dict[str, Any] = {} if self.limit is None else {"truncation": True, "max_length": self.limit}
        with self._lock:
            tokens = self._model.tokenizer(list(texts), padding=True, return_tensors="pt", **cut).to(self._model.device)
        with torch.inference_mode():
            states = self._model[0].auto_model(**tokens, output_hidden_states=True).hidden_states[-self._layers :]
        mask_BS1 = tokens["attention_mask"].unsqueeze(-1).to(states[0].dtype)
        means = [(state * mask_BS1).sum(dim=1) / mask_BS1.sum(dim=1) for state in states]
        return torch.cat(means, dim=-1).float().cpu().numpy()


def load_base(name: str) -> tuple[Any, Any, str]:
    """Tokenizer, model and version of a text model.

    Raises:
        MissingExtraError: transformers, or the bundled model's package, is not installed.
        FeatureError: it can't be found or loaded, or its weights lack tensors.
    """
    if importlib.util.find_spec("transformers") is None:
        raise MissingExtraError("train", f"the text model {name!r}")
    source = resolve(name)
    with loading(f"text model {name!r}"):
        from transformers import AutoModel, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(str(source.folder), trust_remote_code=False, local_files_only=True)
        model = load_transformer(source.folder, AutoModel, attn_implementation="sdpa")
    return tokenizer, model.float(), source.version


def add_adapter(model: nn.Module, adapter: Adapter) -> None:
    """Adds an adapter's changes to a model's weights, in place.

    Raises:
        FeatureError: the model has no such matrix, or one of another shape.
    """
    modules = dict(model.named_modules())
    with torch.no_grad():
        for name, (a, b) in adapter.pairs.items():
            weight = getattr(modules.get(name), "weight", None)
            shape = (b.shape[0], a.shape[1])
            if not isinstance(weight, Tensor) or tuple(weight.shape) != shape or a.shape[0] != b.shape[1]:
                found = tuple(weight.shape) if isinstance(weight, Tensor) else "none"
                raise FeatureError(
                    f"adapter: changes {name} by {b.shape} x {a.shape}; the model {adapter.base!r} has there: {found}"
                )
            weight += torch.from_numpy(b.astype(np.float32) @ a.astype(np.float32)).to(weight)


def pooled(model: Any, windows: Sequence[Sequence[int]]) -> Float[Tensor, "B D"]:
    """The mean of the last hidden states of each window's tokens, in single precision; a window is given by its tokens' ids."""
    tokens = pad_sequence([torch.tensor(window) for window in windows], batch_first=True).to(model.device)
    lengths_B1 = torch.tensor([[len(window)] for window in windows])
    mask = (torch.arange(tokens.shape[1]) < lengths_B1).long().to(model.device)
    states: Float[Tensor, "B S D"] = model(input_ids=tokens, attention_mask=mask).last_hidden_state
    weights = mask / mask.sum(dim=1, keepdim=True)
    return (weights[..., None] * states.float()).sum(dim=1)  # no matrix product: autocast would round it


def _adapted(model: Any, adapter: Adapter) -> Any:
    """A copy with the adapter's changes; what it does not change is shared with the model, not copied."""
    shared = {id(p): p for name, p in model.named_parameters() if name.removesuffix(".weight") not in adapter.pairs}
    changed = copy.deepcopy(model, memo=shared)
    add_adapter(changed, adapter)
    return changed.eval()
