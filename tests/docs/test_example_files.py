"""The files under docs/examples do what they say."""

import re
import subprocess
import sys
import tomllib
from html import unescape

import pytest
from docs.diagrams.picture import drawn

from tests.docs.pages import ROOT

EXAMPLES = ROOT / "docs" / "examples"


def _words(svg: str) -> list[str]:
    """Return the texts of a picture, from top to bottom. Their style may differ between releases of Rich."""
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def test_the_callback_prints_its_two_lines() -> None:
    done = subprocess.run([sys.executable, EXAMPLES / "callback.py"], capture_output=True, text=True, check=True, timeout=60, env={})
    assert done.stdout == 'Success("Task run succeeded.")\nSuccess("All reference tasks succeeded.")\n'
    assert done.stderr == ""


def test_the_picture_is_the_one_that_is_drawn() -> None:
    kept = (ROOT / "docs" / "images" / "message.svg").read_text(encoding="utf-8")
    assert _words(kept) == _words(drawn()), "run: python docs/diagrams/picture.py docs/images/message.svg"
    assert "nightly\xa0load\xa0is\xa0now\xa0in\xa0a\xa0Failed\xa0state" in " ".join(_words(kept))


def test_the_tests_among_the_examples_pass() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "--confcutdir=.", "-c", "/dev/null", "."],
        cwd=EXAMPLES,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout
    assert "2 passed" in done.stdout


@pytest.mark.parametrize("page", ["README.md", "CHANGELOG.md"])
def test_a_page_outside_the_docs_links_to_what_is_there(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_readme_has_every_extra() -> None:
    listed = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert sorted(listed) == sorted(extras)
