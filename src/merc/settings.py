"""The base of every frozen, typed record that is read from YAML or JSON: configs, feature schemas, manifests."""

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Frozen and strict: an unknown key is an error, never ignored, and every number is finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=(), allow_inf_nan=False)
