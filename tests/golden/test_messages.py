"""The messages equal the golden files."""

from pathlib import Path

import pytest

from tests.golden.golden_messages import FOLDER, SAID, rendered


@pytest.mark.parametrize(("path", "text"), list(rendered()), ids=list(SAID))
def test_a_message_is_as_it_was(path: Path, text: str) -> None:
    assert path.read_text(encoding="utf-8") == text


def test_every_golden_message_is_held() -> None:
    assert sorted(FOLDER.iterdir()) == sorted(path for path, _ in rendered())
