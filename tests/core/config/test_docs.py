"""The documentation's page about configuration lists every key as the table of keys does."""

import re

from tests.core.config.examples import layer
from tests.docs.pages import ROOT
from tocsin.core.config.merging import merge
from tocsin.core.config.parsing import parse
from tocsin.core.config.schema import TABLE, ConfigKey, written

PAGE = ROOT / "docs" / "configuration.md"


def row(key: ConfigKey[object]) -> str:
    """Return the row of a key in the page's table."""
    default = f"{key.absent}" if key.default is None else f"`{written(merge(), key)}`"
    cells = (f"`{key.name}`", key.takes.words, default, f"`{key.variable}`", "yes" if key.shared else "no", key.help)
    return f"| {' | '.join(cells)} |"


def test_the_page_has_the_table() -> None:
    table = "\n".join(row(key) for key in TABLE)
    assert table in PAGE.read_text(encoding="utf-8"), f"put this into the page:\n{table}"


def test_the_file_that_the_page_shows_is_a_good_one() -> None:
    (block,) = re.findall(r"^```toml\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    assert len(layer(parse(block, "tocsin.toml", project=True)).settings) == 5
