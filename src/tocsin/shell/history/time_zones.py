"""Time zones by name: that of the system, and those of the IANA database.

A name is kept, not an offset, so that the days on which clocks change are known. Windows has no database of zones; the package
``tzdata`` brings one.
"""

import os
from difflib import get_close_matches
from zoneinfo import ZoneInfo, available_timezones

from tocsin.core.text import quote

_LOCALTIME = "/etc/localtime"
_FOLDER = "/zoneinfo/"
_ASK = "write --tz with a name such as Europe/Berlin"


class UnknownZoneError(Exception):
    """There is no such time zone. The message says in one line what to do."""


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone of this name.

    Raises:
        UnknownZoneError: there is none, or this system has no database of time zones.

    >>> zone_of("Europe/Berlin")
    zoneinfo.ZoneInfo(key='Europe/Berlin')
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a name with ".." is a ValueError, that of a folder an OSError
        pass
    known = available_timezones()
    if not known:
        raise UnknownZoneError("this system has no database of time zones: pip install tzdata")
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]}?" if near else "write one such as Europe/Berlin"
    raise UnknownZoneError(f"there is no time zone {quote(name)}: {hint}")


def system_zone(localtime: str = _LOCALTIME) -> str:
    """Return the name of the system's time zone: of the variable ``TZ``, else of the link ``/etc/localtime``, else UTC.

    Raises:
        UnknownZoneError: the system does not say the name of its zone.
    """
    given = os.environ.get("TZ", "").removeprefix(":")
    if given:
        name = given.rpartition(_FOLDER)[2] if given.startswith("/") else given
        try:
            return zone_of(name).key
        except UnknownZoneError:
            raise UnknownZoneError(f"the variable TZ is {quote(given)}, which is no name of a time zone: {_ASK}") from None
    target = os.path.realpath(localtime)
    if not os.path.lexists(localtime):
        return "UTC"  # as the C library has it
    if _FOLDER not in target:
        raise UnknownZoneError(f"the system does not say the name of its time zone ({localtime} is not a link): {_ASK}")
    return target.rpartition(_FOLDER)[2]
