import pytest
from fake_plugins import plugins

from greenbench.errors import SuiteError
from greenbench.suite.load import parse_suite


@pytest.fixture
def registry():
    return plugins()


@pytest.fixture
def parse(registry):
    return lambda text: parse_suite(text, registry)


@pytest.fixture
def problems(registry):
    """All that is wrong with a text, as the user sees it."""

    def check(text, plugins=registry):
        with pytest.raises(SuiteError) as caught:
            parse_suite(text, plugins)
        return caught.value.problems

    return check
