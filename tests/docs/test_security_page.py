"""Each test that the page about security names exists."""

import re

from tests.docs.pages import ROOT

_PAGE = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")


def test_each_test_that_it_names_is_there() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", _PAGE))
    assert len(named) > 10
    assert sorted(name for name in named if not (ROOT / name).is_file()) == []


def test_each_promise_about_secrets_hosts_and_files_names_a_test() -> None:
    promised = _PAGE.partition("### Secrets\n")[2].partition("### Injection\n")[0]
    assert [bullet for bullet in re.split(r"^- ", promised, flags=re.MULTILINE)[1:] if "`tests/" not in bullet] == []
