"""Time zones by name, and that of the system."""

from pathlib import Path

import pytest

from tocsin.shell.history import time_zones
from tocsin.shell.history.time_zones import UnknownZoneError, system_zone, zone_of


@pytest.fixture
def localtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the path of what stands for ``/etc/localtime``, which is not there yet; ``TZ`` is not set."""
    monkeypatch.delenv("TZ", raising=False)
    return tmp_path / "localtime"


def test_the_system_says_its_zone_by_a_link(localtime: Path) -> None:
    localtime.symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    assert system_zone(str(localtime)) == "Europe/Berlin"


def test_a_system_that_says_nothing_has_utc(localtime: Path) -> None:
    assert system_zone(str(localtime)) == "UTC"


def test_a_copy_of_a_zone_has_no_name(localtime: Path) -> None:
    localtime.write_bytes(b"TZif2")
    with pytest.raises(UnknownZoneError, match=r"localtime is not a link\): write --tz with a name such as Europe/Berlin"):
        system_zone(str(localtime))


@pytest.mark.parametrize("value", ["Europe/Berlin", ":Europe/Berlin", "/usr/share/zoneinfo/Europe/Berlin"])
def test_the_variable_comes_first(localtime: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    localtime.symlink_to("/usr/share/zoneinfo/Asia/Tokyo")
    monkeypatch.setenv("TZ", value)
    assert system_zone(str(localtime)) == "Europe/Berlin"


def test_a_variable_that_is_no_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3")
    with pytest.raises(
        UnknownZoneError, match=r"the variable TZ is 'CET-1CEST,M3\.5\.0,M10\.5\.0/3', which is no name of a time zone: "
    ):
        system_zone()


def test_a_system_without_zones(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where the package tzdata is missing."""
    monkeypatch.setattr(time_zones, "available_timezones", set[str])
    with pytest.raises(UnknownZoneError, match="this system has no database of time zones: pip install tzdata"):
        zone_of("Europe/Nowhere")
