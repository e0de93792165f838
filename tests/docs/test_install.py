"""Until there is a release, each page installs tocsin from a checkout or its wheel, with extras that exist."""

import re
import tomllib
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT
from tests.docs.recipes import FILES, wheel

_TEXTS = [path for path in (*PAGES, *sorted(FILES.iterdir())) if "decisions" not in path.parts]
_EXTRAS = set(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"])
_SAID_BY_AN_ERROR = {"docs/howto/install.md", "docs/reference/outbox.md"}
"""Pages that quote an error message that names the package and one of its extras."""


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", _TEXTS, ids=_name)
def test_no_page_has_it_installed_by_its_name(path: Path) -> None:
    by_name = re.findall(r"pip install [^\n`]*?(?<![\w/.-])tocsin(?![\w/.-])", path.read_text(encoding="utf-8"))
    assert bool(by_name) == (_name(path) in _SAID_BY_AN_ERROR), by_name


@pytest.mark.parametrize("path", _TEXTS, ids=_name)
def test_a_wheel_and_an_extra_are_called_as_they_are(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert set(re.findall(r"tocsin-[\w.-]+\.whl", text)) <= {wheel()}
    named = {name for found in re.findall(r"(?:checkout|\.whl|'\.|tocsin)\[([a-z,-]+)\]", text) for name in found.split(",")}
    assert named <= _EXTRAS


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "recipes").glob("*.md")), ids=_name)
def test_a_recipe_begins_with_an_install_line_that_works_from_a_checkout(path: Path) -> None:
    beginning = path.read_text(encoding="utf-8").partition("\n## ")[0]
    assert "0.1.0 is not on PyPI yet" in " ".join(beginning.split())
    assert re.search(r"^```sh\n(?:.*\n)*?.*pip (?:install|wheel) .*/path/to/checkout", beginning, re.MULTILINE)


def test_the_page_about_it_has_every_extra() -> None:
    page = (ROOT / "docs" / "howto" / "install.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) == _EXTRAS
