"""Every command is killed at some of its writes and run again; `tests/killing.py` kills at as many as one likes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("parselmouth", reason="the extra 'annotate' is not installed")
pytest.importorskip("transformers", reason="the extra 'train' is not installed")
PROGRAM = Path(__file__).with_name("killing.py")
KILLS = 2  # of each command


@pytest.mark.skipif(sys.platform != "linux", reason="the program forks")
def test_what_is_killed_loses_nothing_and_leaves_nothing(tmp_path):
    done = subprocess.run([sys.executable, PROGRAM, tmp_path, str(KILLS)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == 12 and all(each["kills"] == KILLS for each in found)
    assert {each["command"]: each["wrong"] for each in found if each["wrong"]} == {}
