"""The pages about the outbox list every status, option and command, and their settings are valid."""

import re
from collections.abc import Iterator

import attrs
import pytest
import typer

from tests.core.config.examples import layer
from tests.docs.pages import ROOT
from tocsin.cli.outbox.app import outbox_app
from tocsin.core.config.parsing import parse
from tocsin.core.outbox.model import Status
from tocsin.interpreters import Outbox

_PAGES = {name: (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("howto/outbox.md", "reference/outbox.md", "cli.md")}
_PAGE = _PAGES["reference/outbox.md"]


def _rows(title: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the table with this title."""
    found = re.search(rf"^\| {title} \|.*\n\| --- .*\n((?:\|.*\n)+)", _PAGE, re.MULTILINE)
    assert found is not None
    for line in found[1].splitlines():
        yield [cell.strip() for cell in line.strip("|").split(" | ")]


@pytest.mark.parametrize("block", re.findall(r"^```toml\n(.*?)^```$", _PAGES["howto/outbox.md"], re.MULTILINE | re.DOTALL))
def test_what_it_has_you_write_into_your_configuration_switches_the_outbox_on(block: str) -> None:
    assert layer(parse(block, "tocsin.toml", project=False)).settings


def test_it_says_of_every_status_what_a_person_does() -> None:
    listed = [status for status, _, _ in _rows("Status")]
    assert sorted(listed) == sorted(f"`{status.value}`" for status in Status)


def test_it_has_the_options_with_their_defaults() -> None:
    fields = [field for field in attrs.fields(Outbox) if field.init]
    listed = [(name.strip("`"), default.strip("`")) for name, default, _ in _rows("Option")]
    assert [name for name, _ in listed] == [field.name for field in fields]
    assert [default for _, default in listed[2:]] == [repr(field.default) for field in fields[2:]]


def test_the_page_of_the_command_line_has_every_command() -> None:
    part = _PAGES["cli.md"].partition("\n## outbox\n")[2].partition("\n## ")[0]
    listed = dict.fromkeys(re.findall(r"^\| `(\w+)[^`]*` \|", part, re.MULTILINE))
    group = typer.main.get_group(outbox_app)
    assert list(listed) == list(group.commands)
