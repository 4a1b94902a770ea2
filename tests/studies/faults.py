"""What a process of a study does in place of its work: it is killed, or its parent is interrupted, at a step that is counted."""

import os
import signal

from merc.studies import pool

WORK, RUN_TASK = pool._work, pool.run_task


def _at_the_third_step(task, act):
    def run_task(task, place, progress, interrupted):
        def counted(stage, done, total):
            progress(stage, done, total)
            if done == 3:
                act()

        return RUN_TASK(task, place, counted, interrupted)

    pool.run_task = run_task
    return WORK(task)


def killed_at_the_third_step(task):
    """The first training's process is killed."""
    return _at_the_third_step(task, lambda: os.kill(os.getpid(), signal.SIGKILL)) if task.seed == 0 else WORK(task)


def interrupted_at_the_third_step(task):
    """Ctrl-C comes once both trainings are at their third step, and neither goes on before it is asked to stop."""
    stop = pool._worker[0].stop

    def interrupt():
        if task.seed == 0:
            os.kill(os.getppid(), signal.SIGINT)
        stop.wait()

    return _at_the_third_step(task, interrupt)
