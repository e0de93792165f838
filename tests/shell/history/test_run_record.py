"""The record of a run, with and without the version of tocsin."""

from importlib import metadata
from typing import NoReturn

import pytest

from tests.shell.history.test_store import ended


def test_the_version_is_that_of_the_package() -> None:
    assert ended("r1").version == metadata.version("tocsin")


def test_without_the_packages_metadata_there_is_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> NoReturn:  # as in a copy inside another program, or in a zip file
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", unknown)
    assert ended("r1").version == ""
