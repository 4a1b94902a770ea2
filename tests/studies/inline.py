"""Studies whose trainings are done in the process of the test."""

import sys
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from unittest import mock


class Inline(ProcessPoolExecutor):
    """Stands for a process of a study: does what it is given at once, in this one."""

    def __init__(self, begin, arguments):
        self.begin, self.arguments, self._processes = begin, arguments, {}

    def submit(self, work, task):
        sys.modules["merc.studies.pool"]._worker.clear()
        self.begin(*self.arguments)
        future = Future()
        try:
            future.set_result(work(task))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_):
        pass


@contextmanager
def in_this_process():
    """Studies spawn no processes meanwhile; what these do is tested where it matters."""
    with mock.patch("merc.studies.pool.executor", Inline):
        yield
