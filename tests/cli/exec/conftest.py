"""The fixture that starts commands under ``tocsin exec``, in an empty folder."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.exec.commands import Watch


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Watch]:
    """Starts commands under ``tocsin exec``."""
    with closing(Watch(tmp_path)) as made:
        yield made
