"""Copies facts out of the objects of an engine, which raise, lie and change from release to release.

A fact that is not there, or cannot be read, is None, also if a property of the engine's asks the program to exit. A Ctrl-C passes, and
what a signal handler of the host raises.
"""

from tocsin.core.validation import is_mapping
from tocsin.integrations.host_signals import is_of_host


def fact(given: object, *names: str) -> object:
    """Return an attribute, or the attribute of an attribute; None if there is none.

    >>> fact(3 + 4j, "real"), fact("text", "upper", "__name__"), fact(None, "id")
    (3.0, 'upper', None)
    """
    found: object = given
    try:
        for name in names:
            found = getattr(found, name, None)
            if found is None:
                return None
    except (Exception, SystemExit) as error:
        if is_of_host(error):
            raise
        return None
    return found


def entry(given: object, key: str) -> object:
    """Return the value of a key of a mapping; None if there is none.

    >>> entry({"task": "load"}, "task"), entry({}, "task"), entry(["task"], "task")
    ('load', None, None)
    """
    try:
        return given.get(key) if is_mapping(given) else None
    except (Exception, SystemExit) as error:
        if is_of_host(error):
            raise
        return None
