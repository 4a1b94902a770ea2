"""Networks without memory for their tensors, on torch's meta device: how large they would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from merc.networks.interface import Network
from merc.networks.registry import NetworkConfig

_FILLS = ("uniform_", "normal_", "random_", "fill_", "zero_", "mul_", "add_")


class _Unfilled(TorchFunctionMode):
    """Leaves out what fills tensors with numbers: for computing on the meta device torch imports sympy, which takes 2 s."""

    def __torch_function__(
        self, func: Callable[..., Any], types: object, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if getattr(func, "__module__", "") == "torch.nn.init" or getattr(func, "__name__", "") in _FILLS:
            return args[0] if args else given["tensor"]
        return func(*args, **given)


def unfilled_network(config: NetworkConfig, widths: Mapping[str, int], classes: int) -> Network:
    """The network that a config builds, with tensors that have a shape and no numbers; arguments as for `NetworkConfig.build`.

    It raises what building the network raises, and more where another package's needs the numbers that are left out.
    """
    with torch.device("meta"), _Unfilled():
        return config.build(widths, classes)


def tensor_shapes(config: NetworkConfig, widths: Mapping[str, int], classes: int) -> dict[str, tuple[int, ...]]:
    """Tensor's name -> shape of the network that a config builds; arguments and errors as for `unfilled_network`."""
    return {name: tuple(tensor.shape) for name, tensor in unfilled_network(config, widths, classes).state_dict().items()}
