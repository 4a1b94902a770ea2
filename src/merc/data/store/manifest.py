"""The store's `manifest.json`, which names every other file with its size and SHA-256.

Replacing this one file is what commits a change, so a store is always wholly the old one or wholly the new one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

from pydantic import JsonValue, ValidationError, field_validator

from merc.data.schema import FeatureSpec
from merc.errors import StoreError
from merc.files.staged_file import write_atomically
from merc.files.validation import explain
from merc.settings import Settings

MANIFEST = "manifest.json"
FEATURES = "features"
FORMAT = "merc-store"
VERSION = 1
# The digest in a name makes a new content a new file: nothing that an older manifest names is ever written over.
DATA_FILE = re.compile(
    r"utterances-[0-9a-f]{16}\.parquet"
    r"|features/[a-z][a-z0-9_]*\.[A-Za-z0-9][A-Za-z0-9_.\-]*-[0-9a-f]{16}\.safetensors"
)


class StoredFile(Settings):
    """One file of the store: its path within the folder, its size in bytes, its SHA-256."""

    path: str
    bytes: int
    sha256: str

    @field_validator("path")
    @classmethod
    def _inside_the_store(cls, value: str) -> str:
        if not DATA_FILE.fullmatch(value):
            raise ValueError(f"path {value!r} is not a name that a store gives")
        return value


class StoredFeature(Settings):
    """One feature and the file that holds it."""

    spec: FeatureSpec
    file: StoredFile


class Manifest(Settings):
    """Everything about a corpus but its utterances and its features; the table and every feature have a row an utterance."""

    format: Literal["merc-store"] = FORMAT
    version: Literal[1] = VERSION
    name: str
    labels: tuple[str, ...]
    conversations: int
    utterances: int
    table: StoredFile
    features: tuple[StoredFeature, ...]
    splits: dict[str, dict[str, tuple[str, ...]]]
    notes: dict[str, JsonValue]

    @property
    def files(self) -> tuple[StoredFile, ...]:
        """All files that the store needs beside the manifest."""
        return (self.table, *(feature.file for feature in self.features))


def read_manifest(folder: Path) -> Manifest:
    """Read `folder/manifest.json`.

    Raises:
        StoreError: the folder holds no store, or the manifest is truncated, altered or of another version.
    """
    path = folder / MANIFEST
    if not path.is_file():
        found = "a folder without it" if folder.is_dir() else "a file" if folder.exists() else "nothing"
        raise StoreError(f"{folder} is not a store: expected a folder with {MANIFEST}, found {found}")
    try:
        content: object = json.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path}: can't be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"{path}: not valid JSON, so truncated or altered") from error
    record = cast("dict[str, object]", content) if isinstance(content, dict) else {}
    if record.get("format") != FORMAT:
        raise StoreError(f"{path}: not the manifest of a store: key 'format' should be {FORMAT!r}")
    if record.get("version") != VERSION:
        raise StoreError(f"{path}: store of version {record.get('version')!r}; this program reads version {VERSION}")
    try:
        return Manifest.model_validate(record)
    except ValidationError as error:
        raise StoreError(f"{path}: {explain(error)}") from error


def write_manifest(folder: Path, manifest: Manifest, rights: int = 0o666) -> None:
    """Replace `folder/manifest.json` in one step; for its rights see `write_atomically`.

    Raises:
        StoreError: a text that UTF-8 can't hold.
        OSError: the disk is full, or the folder can't be written.
    """
    text = json.dumps(manifest.model_dump(mode="json"), ensure_ascii=False, allow_nan=False, indent=2)
    try:
        data = text.encode() + b"\n"
    except UnicodeEncodeError as error:
        raise StoreError(
            f"corpus {manifest.name!r}: a name or note holds {error.object[error.start]!r}, which is no character"
        ) from None
    write_atomically(folder / MANIFEST, data, rights)


def json_notes(notes: Mapping[str, object]) -> dict[str, Any]:
    """The notes as plain JSON values.

    Raises:
        StoreError: a value that JSON can't hold; the message names its key.
    """
    plain: dict[str, Any] = {}
    for key, value in notes.items():
        try:
            plain[key] = json.loads(json.dumps(value, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise StoreError(f"note {key!r}: {error}; allowed are JSON values without NaN and infinity") from None
    return plain
