"""The soak itself, with a few messages."""

import sys
from pathlib import Path

import pytest

from tests.benchmarks.soak import HEADING, soak


@pytest.mark.tocsin_live
@pytest.mark.skipif(sys.platform != "linux", reason="what memory a process has in use, the soak asks Linux")
def test_it_tells_of_each_tenth_and_of_what_a_purge_leaves(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    soak(tmp_path, 100)
    heading, *lines = capsys.readouterr().out.splitlines()
    assert heading == HEADING
    assert [line.split()[0] for line in lines[:10]] == [str(number) for number in range(10, 110, 10)]
    assert lines[10].startswith("tries: ")
    assert lines[11].startswith("purged ")
