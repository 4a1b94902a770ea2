"""YAML as people write it by hand: safe, and a key given twice is an error instead of the last one winning."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import yaml


class StrictLoader(yaml.SafeLoader):
    """A safe loader that refuses repeated keys."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node.

        Raises:
            yaml.YAMLError: a key is repeated.
        """
        seen: set[str] = set()
        for key_node, _ in node.value:
            key = str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(None, None, f"key {key!r} occurs more than once", key_node.start_mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> object:
    """The plain values of a YAML text.

    Raises:
        yaml.YAMLError: invalid YAML, a repeated key, or a value that is none of its kind, such as the date 2024-13-01.
    """
    try:
        return yaml.load(text, Loader=StrictLoader)
    except (ValueError, KeyError, AttributeError, RecursionError) as error:  # which PyYAML lets through
        raise yaml.YAMLError(f"{type(error).__name__}: {error}") from error


def dump_yaml(values: object) -> str:
    """Plain values as YAML that reads back equal, keys in their order."""
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    # PyYAML writes Unicode's own line breaks as they are and then reads them as spaces.
    return text if load_yaml(text) == values else yaml.safe_dump(values, sort_keys=False)
