"""The invented studies that the tests of the report share, rendered once a session, and a browser where there is one."""

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


@pytest.fixture(scope="session")
def study():
    """A study whose names are attacks."""
    from studies.report.invented import invented_summary

    return invented_summary()


@pytest.fixture(scope="session")
def peak_study():
    """The same with epochs chosen on the test part, and not finished."""
    from studies.report.invented import invented_summary

    return invented_summary(protocol="test-peak", unfinished=3)


@pytest.fixture(scope="session")
def page(study):
    from merc.studies.report.page import render_page

    return render_page(study)


@pytest.fixture(scope="session")
def peak_page(peak_study):
    from merc.studies.report.page import render_page

    return render_page(peak_study)


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; skips where playwright or Chromium is missing."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no chromium on this machine: the page is not opened")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: the page is not opened")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield opened
        opened.close()
