#!/usr/bin/env bash
# Praat measures pitch and harmonicity in several threads, in a process that is pinned to one core, too.
# Date: 2026-11-30
# Versions: praat-parselmouth 0.4.7 (Praat 6.1.38), numpy 2.4.6
# Guess: A measurement runs in the thread that asks for it: the commands have no option for threads. If they used more, it would be
#   all of them, and no more than the cores that the process may use, or than OMP_NUM_THREADS says.
# Seen: To Pitch and To Harmonicity (cc) start threads, with OMP_NUM_THREADS=1 and with sched_setaffinity to one core as well; To
#   Intensity and To Formant (burg) start none.
# Why it matters: One worker a core, each measuring pitch, asks for more cores than a cluster's job was given, and CPU time and
#   time by the clock of one measurement differ. What limits OpenMP and BLAS limits none of it.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check praat-parselmouth==0.4.7 numpy==2.4.6
cat > measuring.py <<'PY'
import os
import sys

import numpy as np
import parselmouth

if sys.argv[1] == "pinned":
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
seconds, rate = 600, 16000
times = np.arange(seconds * rate) / rate
noise = 0.01 * np.random.default_rng(0).standard_normal(len(times))
sound = parselmouth.Sound(0.1 * np.sin(2 * np.pi * 120 * times) + noise, rate)
print(len(os.listdir("/proc/self/task")), flush=True)
for command in sys.stdin:
    getattr(sound, command.strip())()
    print("done", flush=True)
PY
cat > watching.py <<'PY'
import os
import subprocess
import sys
import threading
import time

COMMANDS = ("to_pitch", "to_harmonicity_cc", "to_intensity", "to_formant_burg")


def further_threads(how):
    """Command -> the most threads that it had beside those that were there before."""
    variables = os.environ | {"OMP_NUM_THREADS": "1"}
    child = subprocess.Popen(
        [sys.executable, "measuring.py", how], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=variables
    )
    before, found = int(child.stdout.readline()), {}
    for command in COMMANDS:
        seen, ended = [0], threading.Event()

        def watch():
            while not ended.is_set():
                seen.append(len(os.listdir(f"/proc/{child.pid}/task")) - before)
                time.sleep(0.001)

        watcher = threading.Thread(target=watch)
        watcher.start()
        child.stdin.write(f"{command}\n")
        child.stdin.flush()
        child.stdout.readline()
        ended.set()
        watcher.join()
        found[command] = max(seen)
    child.stdin.close()
    assert child.wait() == 0
    return found


if os.cpu_count() < 2:
    sys.exit("needs a machine of two cores or more")
for how in ("free", "pinned"):
    found = further_threads(how)
    print(f"{how}: further threads {found}")
    assert found["to_pitch"] >= 1 <= found["to_harmonicity_cc"]
    assert found["to_intensity"] == found["to_formant_burg"] == 0
PY
venv/bin/python watching.py
