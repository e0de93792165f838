"""The reference of delivery lists every option of ``reliable`` and of each part, with its default."""

import inspect
import re

import attrs
import pytest

from tests.docs.pages import ROOT
from tocsin import reliable
from tocsin.interpreters import Background, RetryPolicy

_PAGE = (ROOT / "docs" / "reference" / "delivery-options.md").read_text(encoding="utf-8")


def _section(title: str) -> str:
    return _PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _first_cells(text: str) -> list[str]:
    return [name for row in re.findall(r"^\| (`.+?) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]


def test_it_has_every_option_of_reliable_in_order() -> None:
    assert _first_cells(_section("`reliable`")) == list(inspect.signature(reliable).parameters)


def test_it_has_every_option_of_the_background_queue() -> None:
    options = [field.name for field in attrs.fields(Background) if field.init and field.name != "inner"]
    assert _first_cells(_section("`Background`")) == options


def test_it_has_every_option_of_a_retry_policy() -> None:
    listed = [
        name for line in re.findall(r"^(`.+`)\n: ", _section("`Retrying`"), re.MULTILINE) for name in re.findall(r"`(\w+)`", line)
    ]
    assert listed == [field.name for field in attrs.fields(RetryPolicy)]


_DEFAULTS = RetryPolicy()


@pytest.mark.parametrize(
    ("said", "default"),
    [("10 by default", _DEFAULTS.attempts), ("`initial_delay` seconds (1)", _DEFAULTS.initial_delay), ("(300,", _DEFAULTS.deadline)],
)
def test_a_default_of_the_retry_policy_is_the_one_it_says(said: str, default: float) -> None:
    assert said in " ".join(_section("`Retrying`").split())
    (number,) = re.findall(r"\d+", said)
    assert float(number) == default
