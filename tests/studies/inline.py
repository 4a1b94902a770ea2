"""What is shared among processes elsewhere is done in the process of the test."""

from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from unittest import mock


class Inline(ProcessPoolExecutor):
    """Stands for a process: does what it is given at once, in this one."""

    def __init__(self, begin, arguments):
        self.begin, self.arguments, self._processes = begin, arguments, {}

    def submit(self, work, *task):
        from merc.studies import pool

        pool._worker.clear()
        self.begin(*self.arguments)
        future = Future()
        try:
            future.set_result(work(*task))
        except Exception as error:
            future.set_exception(error)
        return future

    def shutdown(self, **_):
        pass


@contextmanager
def in_this_process():
    """Studies and folders of recordings spawn no processes meanwhile: a process imports torch, and few tests test processes."""
    with mock.patch("merc.studies.pool.executor", Inline), mock.patch("merc.files.processes.executor", Inline):
        yield
