"""The base of all frozen, typed records that are read from YAML or JSON, and the type of progress hooks."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from merc.errors import MercError, RecipeError

Amount = int | float  # two types, to the type checks of a test run
Progress = Callable[[str, Amount, Amount | None], None]
"""A hook: the stage's name, how much of it is done, and how much there is, or None where that is not known."""


def no_progress(stage: str, done: Amount, total: Amount | None) -> None:
    """The hook that shows nothing."""


class Settings(BaseModel):
    """Frozen and strict: an unknown key is an error, never ignored, and every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)


class OwnSettings(Settings):
    """Settings that a user makes by a call, where what is not allowed is an error in one line.

    Attributes:
        refusal: the error.
    """

    refusal: ClassVar[type[MercError]] = RecipeError

    if not TYPE_CHECKING:  # type checkers know the arguments by the fields

        def __init__(self, /, **values: Any) -> None:
            try:
                super().__init__(**values)
            except ValidationError as error:
                fault = error.errors(include_url=False, include_context=False)[0]
                place = ".".join(map(str, fault["loc"]))
                found = "" if fault["type"] == "missing" else f" (found: {' '.join(repr(fault['input']).split()):.60})"
                raise self.refusal(f"{type(self).__name__}, {place}: {fault['msg'].removeprefix('Value error, ')}{found}") from None

        __init__.__pydantic_base_init__ = True  # pydantic's own validation, as of a file, goes past it and reports every fault
