#!/usr/bin/env bash
# jaxtyping, which annotates arrays with their shapes, loads asyncio and unittest.mock in every program that imports it.
# Date: 2026-11-30
# Versions: jaxtyping 0.3.11, numpy 2.4.6
# Guess: Where no import hook is installed, an annotation costs next to nothing: jaxtyping imports typing and little more.
# Seen: Its import hook, imported at once, takes a function from unittest.mock, which imports asyncio: of the 141 modules that
#   `import jaxtyping` loads after numpy, 39 are of these two packages, and more are what they need, such as ssl.
# Why it matters: A command of a tenth of a second is half as slow again for annotations that nothing checks.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check jaxtyping==0.3.11 numpy==2.4.6
venv/bin/python - <<'PY'
import sys

import numpy  # noqa: F401

before = set(sys.modules)
assert not before & {"asyncio", "unittest.mock"}
from jaxtyping import Float  # noqa: F401

loaded = set(sys.modules) - before
others = {name for name in loaded if name.split(".")[0] in ("asyncio", "unittest")}
print(f"{len(loaded)} modules, of them of asyncio and unittest {len(others)}")
assert {"asyncio", "unittest.mock"} <= loaded
assert len(loaded) > 100 and len(others) > 30 and "ssl" in loaded
PY
