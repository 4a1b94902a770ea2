"""The invented studies that the tests of the report share, rendered once a session."""

import pytest


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
