"""Long runs without checks of shapes."""

from collections.abc import Iterator
from contextlib import contextmanager

import jaxtyping


@contextmanager
def unchecked_shapes() -> Iterator[None]:
    """Calls in modules that name shapes are not checked meanwhile: for long runs of functions that other tests call checked."""
    before = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", before)
