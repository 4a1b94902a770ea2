"""Standardising a feature by its mean and deviation in the training split; constant columns are dropped, outliers clipped.

Shapes: T utterances, D columns of the feature, W columns after standardising (kept columns, then indicators).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from merc.data.schema import FeatureSpec
from merc.errors import DataError, FeatureError
from merc.files.shapes import Bool, Float32, Float64, Int64

CLIP_BOUND = 5.0  # standard deviations; chosen: bounds the outliers of openSMILE-like features


@dataclass(frozen=True, slots=True, eq=False)
class Standardiser:
    """Mean and deviation per column, and what to do with columns that are constant or partly missing.

    Attributes:
        mean, deviation: of the training split's present entries.
        kept: indices of the columns that vary.
        indicated: indices of the kept columns that were missing in some training row that had other columns; each gets an
            indicator column (1 = missing here) behind the kept ones.
        clip: bound on the standardised values, in deviations.
    """

    spec: FeatureSpec
    mean: Float64[np.ndarray, " D"]
    deviation: Float64[np.ndarray, " D"]
    kept: Int64[np.ndarray, " K"]
    indicated: Int64[np.ndarray, " I"]
    clip: float = CLIP_BOUND

    @classmethod
    def fit(cls, spec: FeatureSpec, arrays: Iterable[NDArray[np.float32]], clip: float = CLIP_BOUND) -> Standardiser:
        """The standardiser of the training split's rows, one (T, D) array a conversation; NaN is missing.

        Raises:
            DataError: no present row, or no column that varies.
        """
        rows = np.concatenate([np.zeros((0, spec.dimension)), *arrays])
        rows = rows[~np.isnan(rows).all(axis=1)]
        if not len(rows):
            raise DataError(f"feature {spec.key}: no usable features: it is absent in every training utterance")
        missing = np.isnan(rows)
        counts = (~missing).sum(axis=0)
        seen = np.maximum(counts, 1)
        mean = np.where(missing, 0.0, rows).sum(axis=0) / seen
        deviation = np.sqrt((np.where(missing, 0.0, rows - mean) ** 2).sum(axis=0) / seen)
        varies = (counts > 1) & (deviation > 1e-7 * np.maximum(1.0, np.abs(mean)))
        kept = np.flatnonzero(varies)
        if not len(kept):
            raise DataError(f"feature {spec.key}: no usable features: all {spec.dimension} columns are constant in training")
        return cls(spec, mean, deviation, kept, kept[missing[:, kept].any(axis=0)], clip)

    @property
    def width(self) -> int:
        """W: columns of the standardised feature."""
        return len(self.kept) + len(self.indicated)

    def transform(self, array: NDArray[np.float32], where: str = "") -> tuple[Float32[np.ndarray, "T W"], Bool[np.ndarray, " T"]]:
        """Standardised rows of a (T, D) array, zeros where absent, and which rows are present; errors name `where`.

        NaN is missing; a missing entry of a present row becomes the training mean.

        Raises:
            FeatureError: another dimension than the feature had in training.
        """
        if array.ndim != 2 or array.shape[1] != self.spec.dimension:
            found = f"{where or 'features'}: {self.spec.key} has shape {array.shape}"
            raise FeatureError(f"{found}, the model expects (utterances, {self.spec.dimension})")
        missing = np.isnan(array)
        present = np.logical_not(np.all(missing, axis=1))
        scaled = (array[:, self.kept].astype(np.float64) - self.mean[self.kept]) / self.deviation[self.kept]
        values = np.clip(np.nan_to_num(scaled, nan=0.0), -self.clip, self.clip)
        out = np.concatenate([values, missing[:, self.indicated]], axis=1).astype(np.float32)
        out[~present] = 0.0
        return out, present

    def state(self) -> dict[str, object]:
        """Plain JSON values from which `from_state` makes the same standardiser, bit for bit."""
        figures = {name: getattr(self, name).tolist() for name in ("mean", "deviation", "kept", "indicated")}
        return {"spec": self.spec.model_dump(), **figures, "clip": self.clip}

    @classmethod
    def from_state(cls, state: Mapping[str, object]) -> Standardiser:
        """The inverse of `state`.

        Raises:
            DataError: columns, indices or deviations that do not fit the feature.
        """
        spec, clip = FeatureSpec.model_validate(state["spec"]), float(str(state["clip"]))
        where = f"standardisation of {spec.key}"
        mean, deviation = (np.asarray(state[name], dtype=np.float64) for name in ("mean", "deviation"))
        kept, indicated = (np.asarray(state[name], dtype=np.int64) for name in ("kept", "indicated"))
        for name, figures in (("mean", mean), ("deviation", deviation)):
            if figures.shape != (spec.dimension,):
                raise DataError(f"{where}: {name} has shape {figures.shape}, the feature needs ({spec.dimension},)")
        for name, indices in (("kept", kept), ("indicated", indicated)):
            if indices.ndim != 1 or ((indices < 0) | (indices >= spec.dimension)).any():
                raise DataError(f"{where}: {name} is {indices.tolist()}; allowed: a list of columns from 0 to {spec.dimension - 1}")
        if not (np.isfinite(clip) and clip > 0):
            raise DataError(f"{where}: clip is {clip}; allowed is a number above 0")
        usable = np.isfinite(mean) & np.isfinite(deviation) & (deviation > 0)
        wrong = kept[~usable[kept]]
        if len(wrong):
            found = f"mean {mean[wrong[0]]} and deviation {deviation[wrong[0]]}"
            raise DataError(f"{where}: column {wrong[0]} has {found}; a kept column needs finite ones, the deviation above 0")
        return cls(spec, mean, deviation, kept, indicated, clip)
