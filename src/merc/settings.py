"""The base of every frozen, typed record that is read from YAML or JSON: configs, feature schemas, manifests."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen and strict about names: an unknown key is an error, never ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())
