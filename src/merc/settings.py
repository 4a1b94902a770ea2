"""The base of all frozen, typed records that are read from YAML or JSON, and the type of progress hooks."""

from collections.abc import Callable

from pydantic import BaseModel, ConfigDict

Amount = int | float  # two types, to the type checks of a test run
Progress = Callable[[str, Amount, Amount | None], None]
"""A hook: the stage's name, how much of it is done, and how much there is, or None where that is not known."""


def no_progress(stage: str, done: Amount, total: Amount | None) -> None:
    """The hook that shows nothing."""


class Settings(BaseModel):
    """Frozen and strict: an unknown key is an error, never ignored, and every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)
