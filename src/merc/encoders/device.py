"""The device that encoders and models run on."""

from __future__ import annotations

import importlib.util

from merc.errors import MissingExtraError, RunError
from merc.files.arguments import checked
from merc.files.printable import printable


def usable_device(name: object) -> str:
    """A torch device, such as `cpu` or `cuda:0`, once it is certain that it can be computed on.

    Raises:
        RunError: it can't; the message names those that can.
        MissingExtraError: it is not the CPU, and torch is not installed.
    """
    checked(name, str, "device", "a name such as 'cpu' or 'cuda:0'", RunError)
    if name == "cpu":
        return "cpu"
    if importlib.util.find_spec("torch") is None:
        raise MissingExtraError("train", f"device {printable(str(name))!r}")
    import torch

    try:
        torch.zeros(1, device=str(name)).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:  # torch has no one error for it
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        allowed = ", ".join(["cpu", *(["cuda"] if count else []), *(f"cuda:{i}" for i in range(count))])
        raise RunError(f"device {name!r} can't be used; here are: {allowed}") from error
    return str(name)
