"""Networks by name: merc's own, those that a program registers, and those that installed packages offer.

A network's module is imported when its name is first asked for. A package offers a network by an entry point of the group
`merc.networks`: the network's name, and the config's class (docs/model.md).
"""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar, cast

from pydantic import ValidationError, model_validator

from merc.errors import RecipeError
from merc.files.validation import explain_all, shorten
from merc.settings import Settings

if TYPE_CHECKING:  # imports torch
    from merc.networks.interface import Network

GROUP = "merc.networks"
RIVALS = ("majority", "logistic_regression", "early_fusion", "late_fusion", "bc_lstm", "dialogue_rnn", "sdt", "mult")
BUILT_IN: Mapping[str, str] = MappingProxyType(
    {"cmath": "merc.networks.cmath.network", **{name: f"merc.networks.rivals.{name}" for name in RIVALS}}
)
UNROLLED = ("bc_lstm", "dialogue_rnn")
"""Recurrent networks whose steps are written out one by one, so that an exported graph would hold for one number of utterances."""


class NetworkConfig(Settings, ABC):
    """The base of a network's config: the section `model` of a recipe, which builds the network.

    Attributes:
        name: of the network; its default in the subclass is the name that recipes give.

    Example:
        >>> import merc
        >>> from merc.networks.registry import network_config
        >>> isinstance(network_config({"name": "early_fusion"}), merc.NetworkConfig)
        True
    """

    name: str

    @model_validator(mode="after")
    def _has_its_own_name(self) -> NetworkConfig:
        own = type(self).model_fields["name"].default
        if self.name != own:
            raise ValueError(f"name is {self.name!r}; a {type(self).__name__} has the name {own!r}")
        return self

    @property
    def is_causal(self) -> bool:
        """Whether what comes later in a conversation changes no earlier output of the network."""
        return False

    @classmethod
    def completed(cls, values: Mapping[str, object]) -> Mapping[str, object]:
        """The values of a saved model, with those of keys that are newer than it and whose default is not what it was made with."""
        return values

    @abstractmethod
    def build(self, widths: Mapping[str, int], classes: int) -> Network:
        """The network with fresh weights from torch's generator.

        Args:
            widths: modality -> input columns, in the order of a batch's `inputs`.
            classes: C.

        Raises:
            RecipeError: the config does not fit these inputs, or torch keeps a modality's name for itself.
        """


Config = TypeVar("Config", bound=type[NetworkConfig])
_registered: dict[str, type[NetworkConfig]] = {}


def register_network(config: Config) -> Config:
    """Decorates a network's config so that recipes can name the network. Defining the class again replaces it.

    Raises:
        TypeError: not a subclass of `NetworkConfig`.
        ValueError: its `name` has no default, or another class has the name.

    Example:
        >>> import merc
        >>> @merc.register_network
        ... class Mine(merc.NetworkConfig):
        ...     name: str = "mine_of_an_example"
        ...     def build(self, widths, classes): ...
        >>> merc.Recipe(name="x", model={"name": "mine_of_an_example"}).model
        Mine(name='mine_of_an_example')
    """
    if not (isinstance(config, type) and issubclass(config, NetworkConfig)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"register_network takes a subclass of merc.NetworkConfig, found {config!r}")
    name: object = config.model_fields["name"].default
    if not (isinstance(name, str) and name):
        raise ValueError(f"{config.__qualname__}: its name has no default; write, for example, name: str = 'my_network'")
    known = _registered.get(name)
    home = (known.__module__, known.__qualname__) if known else (BUILT_IN.get(name, config.__module__), config.__qualname__)
    if home != (config.__module__, config.__qualname__):
        raise ValueError(f"network {name!r} is registered already, by {home[0]}; {config.__qualname__} needs another name")
    _registered[name] = config
    return config


def network_names() -> tuple[str, ...]:
    """The names of all networks, merc's own first. No network is imported."""
    others = {*_registered, *(point.name for point in entry_points(group=GROUP))} - set(BUILT_IN)
    return (*BUILT_IN, *sorted(others))


def network_class(name: str) -> type[NetworkConfig]:
    """The config's class of a network.

    Raises:
        RecipeError: no network of that name, or the package that offers it can't be imported.
    """
    if name not in _registered:
        if name in BUILT_IN:
            import_module(BUILT_IN[name])
        else:
            _load_entry_point(name)
    return _registered[name]


def network_config(values: object, place: str = "model", *, saved: bool = False) -> NetworkConfig:
    """A network's config from nested plain values, such as a recipe or a saved model holds.

    Args:
        values: a mapping of keys to values; `name` chooses the network.
        place: of the values, for messages.
        saved: they are those of a saved model, which may be older than some keys (see `NetworkConfig.completed`).

    Raises:
        RecipeError: an unknown network or key, or a value that is not allowed; all of them, in one line.
    """
    if not isinstance(values, Mapping):
        raise RecipeError(f"{place}: a network's config is a mapping of keys to values (found {shorten(repr(values))})")
    given = dict(cast("Mapping[str, object]", values))
    name = given.get("name")
    if not isinstance(name, str):
        names = ", ".join(network_names())
        raise RecipeError(f"{place}.name: the name of a network is missing (found {shorten(repr(name))}); allowed: {names}")
    try:
        config = network_class(name)
    except RecipeError as error:
        raise RecipeError(f"{place}.name: {error}") from error.__cause__
    try:
        return config.model_validate(config.completed(given) if saved else given)
    except ValidationError as error:
        raise RecipeError(explain_all(error, config, place)) from None


def _load_entry_point(name: str) -> None:
    points = sorted(entry_points(group=GROUP, name=name), key=lambda point: point.value)
    if not points:
        names = network_names()
        nearest = difflib.get_close_matches(name, names, n=1, cutoff=0.4)
        hint = f" did you mean {nearest[0]!r}?" if nearest else ""
        raise RecipeError(
            f"no network is registered as {name!r};{hint} there are {', '.join(names)}. A network that is not merc's own is "
            f"registered by importing the module that calls merc.register_network, or by an entry point {GROUP!r} of its package"
        )
    offers = ", ".join(f"{point.value!r} of {point.dist.name if point.dist else 'an unnamed package'}" for point in points)
    if len(points) > 1:
        raise RecipeError(f"network {name!r} is offered by several packages: {offers}; uninstall all but one")
    try:
        loaded: object = points[0].load()
        if name not in _registered:  # a decorator may have done it
            register_network(cast("type[NetworkConfig]", loaded))
    except Exception as error:  # another package's code, which may raise anything
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        raise RecipeError(f"network {name!r}: entry point {offers} can't be loaded ({reason})") from error
    if name not in _registered:
        raise RecipeError(f"network {name!r}: entry point {offers} gives a network of another name")
