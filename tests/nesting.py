"""Values nested 50 deep, and an interpreter whose limit on nested calls they exceed."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

LISTS = "[" * 50 + "]" * 50  # JSON, and YAML too
OBJECTS = '{"a":' * 50 + "0" + "}" * 50


@contextmanager
def few_calls(more: int = 80) -> Iterator[None]:
    """Allows `more` nested calls than there are: that limit is what bounds the nesting of JSON and YAML.

    JSON is read in Python meanwhile, since newer interpreters have another limit for calls in C, which can't be set.
    """
    depth, frame = 0, sys._getframe()
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    limit = sys.getrecursionlimit()
    with mock.patch.object(json.scanner, "make_scanner", json.scanner.py_make_scanner):
        decoder = json.JSONDecoder()
        with mock.patch.object(json, "_default_decoder", decoder):
            sys.setrecursionlimit(depth + more)
            try:
                yield
            finally:
                sys.setrecursionlimit(limit)
