"""Each block of Python on each page is executed, and prints what the page says."""

import socket

import pytest

from tests.docs.pages import PAGES, Page, page

_PAGES = tuple(page(path) for path in PAGES)
_EXAMPLES = [
    pytest.param(page, index, id=f"{page.name}:{example.line}") for page in _PAGES for index, example in enumerate(page.examples)
]


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("rehearsal")
@pytest.mark.parametrize(("page", "index"), _EXAMPLES)
def test_an_example_does_what_its_page_says(page: Page, index: int) -> None:
    page.evaluate(index)


@pytest.mark.tocsin_live
@pytest.mark.usefixtures("rehearsal")
def test_no_example_reaches_the_network() -> None:
    with socket.socket() as one, pytest.raises(AssertionError, match="network"):
        one.connect(("127.0.0.1", 9))
