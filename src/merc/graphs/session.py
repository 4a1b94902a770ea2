"""A graph of ONNX that is ready to run, by ONNX Runtime, on the CPU."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from merc.errors import DataError
from merc.files.posix import usable_cores
from merc.files.printable import first_line, printable
from merc.files.shapes import Shaped

_QUIET = 4  # what ends the process alone: errors are raised, and warnings are of what ONNX Runtime leaves unfolded
Array = Shaped[np.ndarray, "..."]


class GraphSession:
    """A loaded graph. It may be run by several threads at once.

    Args:
        graph: content of the file, whose outline was checked (`merc.graphs.outline`).
        where: what errors call it.
        weights: of the tensors that the graph has in another file; they are copied.

    Attributes:
        inputs: name -> shape, with the names of axes of any length.
        outputs: names.

    Raises:
        DataError: ONNX Runtime can't load it, or a weight does not fit.
    """

    def __init__(self, graph: bytes, where: str, weights: Mapping[str, Array] | None = None) -> None:
        # From 1.29 on it would otherwise report its use over the network.
        os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.log_severity_level = _QUIET
        options.intra_op_num_threads = threads()
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # which would burn CPU between two runs
        # More makes runs hardly faster (2 % on conversations of 50 utterances), and loading twice as slow.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._where = where
        try:
            if weights:
                handed = [ort.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(array)) for array in weights.values()]
                options.add_external_initializers(list(weights), handed)
            self._session: Any = ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # ONNX Runtime's own classes, which derive from Exception alone
            raise DataError(f"{where}: ONNX Runtime can't load the graph ({_reason(error)})") from None
        self.inputs = {each.name: tuple(each.shape) for each in self._session.get_inputs()}
        self.outputs = tuple(output.name for output in self._session.get_outputs())

    def run(self, inputs: Mapping[str, Array], outputs: Sequence[str] | None = None) -> dict[str, Array]:
        """Output's name -> what the graph makes of the inputs, which are not copied.

        Args:
            inputs: input's name -> array of its type, row-major.
            outputs: the names that are wanted; None is all.

        Raises:
            DataError: ONNX Runtime can't run it on these inputs.
        """
        wanted = list(self.outputs if outputs is None else outputs)
        try:
            return dict(zip(wanted, self._session.run(wanted, dict(inputs)), strict=True))
        except Exception as error:
            raise DataError(f"{self._where}: ONNX Runtime can't run the graph ({_reason(error)})") from None


def threads() -> int:
    """One for each core that the process may use, or as many as OMP_NUM_THREADS says, which torch heeds too, if that is less."""
    said = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    asked = int(said) if said.isdecimal() and len(said) < 10 else 0
    return min(asked or usable_cores(), usable_cores())


def _reason(error: Exception) -> str:
    return printable(first_line(error))[:300]
