"""Headless Chromium for the tests of the page, where there is one."""

import shutil

import pytest

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium; skips where playwright or Chromium is missing. Closed early: playwright runs only once in a process."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: the page is not opened")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the page is not opened")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()
