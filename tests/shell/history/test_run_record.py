"""The record of a run, with and without the version of tocsin."""

from datetime import UTC, datetime, timedelta
from importlib import metadata
from typing import NoReturn

import pytest

from tests.shell.history.test_store import ended
from tocsin import Failed
from tocsin.shell.history.run_record import RunRecord


def test_the_version_is_that_of_the_package() -> None:
    assert ended("r1").version == metadata.version("tocsin")


def test_without_the_packages_metadata_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> NoReturn:  # as in a copy inside another program, or in a zip file
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    assert ended("r1").version == ""


def test_an_earlier_record_of_a_clock_that_was_set_back_took_no_time_and_not_less() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    record = RunRecord.of(Failed(), run_id="r1", label="load", started=at + timedelta(hours=1), ended=at)
    assert (record.duration, ended("r2").duration) == (timedelta(0), timedelta(seconds=3))
