"""What passes through ``tocsin exec`` untouched: each trial has the same observations without and with it."""

import os
import sys
from pathlib import Path

import pytest

from tests.cli.exec.trials import TRIALS, Trial
from tests.cli.exec.trials.places import AS_FIRST, may_unshare
from tests.cli.exec.trials.trial import TAIL, opened, run

linux = pytest.mark.skipif(sys.platform != "linux", reason="the trials look into /proc, and use programs of Linux")


@linux
@pytest.mark.slow
@pytest.mark.parametrize("trial", [pytest.param(trial, id=trial.name) for trial in TRIALS])
def test_it_is_the_same_without_and_with_tocsin(trial: Trial, tmp_path: Path) -> None:
    if trial.slow and os.environ.get("TOCSIN_PROFILE") != "deep":
        pytest.skip("only the profile deep runs it")
    if trial.script == AS_FIRST and not may_unshare():
        pytest.skip("this system lets this user begin no process namespace")
    with opened(trial, tmp_path) as files:
        without = trial.observe(run(trial, (), tmp_path, files))
        assert {name: without[name] for name in trial.sets} == dict(trial.sets)
        for prefix in trial.prefixes:
            found = trial.observe(run(trial, prefix, tmp_path, files))
            compared = [row for row in trial.rows if TAIL[0] not in prefix or row.tail is True]
            assert {row.tried: found[row.key] for row in compared} == {row.tried: without[row.key] for row in compared}


def test_there_are_enough_of_them_and_none_twice() -> None:
    rows = [(trial.area, row.tried) for trial in TRIALS for row in trial.rows]
    assert len(rows) >= 100
    assert len(set(rows)) == len(rows)
