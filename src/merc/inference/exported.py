"""A model as one file of ONNX for other languages and runtimes, with a description in JSON; or a graph for its own folder."""

from __future__ import annotations

import json
from pathlib import Path

from merc.data.standardisation import Standardiser
from merc.errors import DataError, RunError
from merc.files.checksums import CHECKSUMS, checked_folder, sha256
from merc.files.staged_file import write_together
from merc.inference.recogniser import Recogniser
from merc.inference.saved import GRAPH
from merc.networks.graph_names import INPUT, LOGITS, MEAN, PRESENT, SPEAKERS, TRUST, UNCERTAINTY, VALID

PROBABILITIES = "probabilities"
_ABOUT = {
    PRESENT: "whether an utterance has each modality, in the order of `modalities`; false in the padding",
    VALID: "false in the padding behind a conversation that is shorter than the longest of the batch",
    SPEAKERS: "who speaks, counted from 0 in the order of appearance in the conversation; -1 in the padding",
    PROBABILITIES: "of each of `labels`; those of the padding mean nothing",
    TRUST: "each modality's share of trust, in the order of `modalities`",
    UNCERTAINTY: "mean variance of the latent representation",
}
_STANDARDISED = (
    "the columns `kept` of the feature, minus `mean`, divided by `deviation` (of those columns), clipped to -clip and clip, 0 "
    "where missing (NaN); behind them, for each of the columns `indicated`, 1 where it is missing, else 0. All 0 where the "
    "modality is absent: where an utterance has no number of the feature"
)


def export(model: Recogniser, path: str | Path) -> tuple[Path, Path]:
    """Writes the network with its weights as one file, and a JSON file of its name that says all that a caller needs.

    Args:
        model: any whose network can be exported.
        path: ends in .onnx; older files of these names are replaced, both or none.

    Returns:
        The two files.

    Raises:
        DataError: another suffix, or the files can't be written.
        NotExportableError: the network can't be exported.
        MissingExtraError: what writes ONNX is not installed.
    """
    target = Path(path)
    if target.suffix != ".onnx":
        raise DataError(f"{target}: {target.suffix or 'no'} suffix; a model is exported as .onnx")
    if not target.absolute().parent.is_dir() or target.is_dir():
        raise DataError(f"{target}: {'is a folder' if target.is_dir() else 'there is no folder to put this file into'}")
    graph = model.graph()
    from merc.graphs.whole import whole_graph

    content, interface = whole_graph(graph, model.weights(), f"{LOGITS}coarse", model.temperature, PROBABILITIES)
    described = (json.dumps(_description(model, interface), indent=1, allow_nan=False) + "\n").encode()
    beside = target.with_suffix(".json")
    try:
        write_together(target.absolute().parent, {target.name: content, beside.name: described})
    except OSError as error:
        raise DataError(f"{target} can't be written: {error.strerror or error}; nothing was changed") from error
    return target, beside


def add_graph(model: Recogniser, folder: Path) -> Path:
    """Writes the graph of a saved model beside its weights, so that it runs without torch from then on.

    Args:
        model: loaded from the folder.
        folder: of its files.

    Returns:
        The graph's file.

    Raises:
        RunError: the files can't be written.
        NotExportableError, MissingExtraError: see `export`.
    """
    known, graph = checked_folder(folder).known, model.graph()
    contents = {GRAPH: graph}
    if known is not None:
        contents[CHECKSUMS] = (json.dumps({**known, GRAPH: sha256(graph)}, indent=1) + "\n").encode()
    try:
        write_together(folder, contents)
    except OSError as error:
        raise RunError(f"{folder / GRAPH} can't be written: {error.strerror or error}; nothing was changed") from error
    return folder / GRAPH


def _description(model: Recogniser, interface: dict[str, dict[str, dict[str, object]]]) -> dict[str, object]:
    """What the JSON file holds."""
    for side in interface.values():
        for name, about in side.items():
            about["about"] = _about(name)
    return {
        "format": "merc-onnx-1",
        "name": model.name,
        "labels": list(model.label_set.names),
        "modalities": list(model.modalities),
        "inputs": interface["inputs"],
        "outputs": interface["outputs"],
        "temperature": model.temperature,
        "standardisation": {
            "rule": _STANDARDISED,
            **{m: _standardised(standardiser) for m, standardiser in model.preprocessor.standardisers.items()},
        },
        "longest": "conversations of more than 512 utterances are cut by merc into pieces of 256, with 64 more on either side",
        "languages": list(model.record.languages),
        "warnings": list(model.record.shared().warnings),
        "card": model.card(),
    }


def _about(name: str) -> str:
    if name.startswith(INPUT):
        return f"the standardised feature of modality {name.removeprefix(INPUT)}; see `standardisation`"
    if name.startswith(LOGITS):
        return f"of the head {name.removeprefix(LOGITS)}, before temperature and softmax"
    if name.startswith(MEAN):
        return f"mean of the latent representation of the head {name.removeprefix(MEAN)}"
    return _ABOUT[name]


def _standardised(standardiser: Standardiser) -> dict[str, object]:
    kept, spec = standardiser.kept, standardiser.spec
    return {
        "feature": spec.model_dump(),
        "kept": kept.tolist(),
        "mean": standardiser.mean[kept].tolist(),
        "deviation": standardiser.deviation[kept].tolist(),
        "clip": standardiser.clip,
        "indicated": standardiser.indicated.tolist(),
    }
