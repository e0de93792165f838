"""What a watched function was called with, as a message shows it: each value by the name of its parameter.

- Values are a user's. Of each the repr is shown, cut and without known secrets. ``...`` stands in place of what has the name of
  a secret, and of the login in a URL.
- ``self`` and ``cls`` are left out. So are defaults: they stand in the code.
- In a call that the function refuses, or of a function without a readable signature, ``...`` stands for values whose name is not known.
"""

import inspect
from collections.abc import Mapping, Sequence
from inspect import Parameter, Signature

from tocsin.core.events import Detail
from tocsin.core.secrets import found_parts, is_secret_argument, without_logins
from tocsin.core.text import cut, is_a, plain, quote
from tocsin.core.validation import is_list, is_table
from tocsin.shell.redaction import redact

_VALUE_LIMIT, _LIMIT = 200, 1000  # characters
_OWNERS = {"self", "cls"}
_PLACES = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_MASK = "..."


def shown_arguments(function: object, arguments: tuple[object, ...], named: Mapping[str, object]) -> Detail:
    """Return the arguments of a call as a titled text.

    >>> def load(path: str, *columns: str, limit: int = 10) -> None: ...
    >>> shown_arguments(load, ("a.csv", "id", "day"), {"limit": 3}).text
    "path='a.csv', *columns=('id', 'day'), limit=3"
    """
    names: list[str] = []
    try:
        signature = inspect.signature(function) if callable(function) else Signature()
        names = [place.name for place in signature.parameters.values() if place.kind in _PLACES]
        words = _by_name(signature, arguments, named)
    except KeyboardInterrupt:
        raise
    except BaseException:  # of a user's ``__signature__``, too
        known = _named(dict(zip(names, arguments, strict=False)))
        words = [*known, *[_MASK for _ in arguments[len(names) :]], *_named(named)]
    return Detail("Arguments", cut(", ".join(words), _LIMIT), quoted=True)


def shown_value(value: object, limit: int) -> str:
    """Return the value's repr, cut to the limit, without known secrets and the logins of URLs."""
    return cut(without_logins(redact(quote(value))), limit)


def _by_name(signature: Signature, arguments: tuple[object, ...], named: Mapping[str, object]) -> list[str]:
    """Return each value by the name of its parameter. Raises a TypeError for a call that the function refuses."""
    bound: Mapping[str, object] = signature.bind(*arguments, **named).arguments
    words: list[str] = []
    for place, parameter in enumerate(signature.parameters.values()):
        if parameter.name not in bound or (place == 0 and parameter.name in _OWNERS):
            continue
        value = bound[parameter.name]
        if parameter.kind is Parameter.VAR_POSITIONAL and is_list(value):
            hidden = is_secret_argument(parameter.name, value)
            shown = _MASK if hidden else f"({', '.join(_values(value))})"
            words.append(f"*{parameter.name}={shown}")
        elif parameter.kind is Parameter.VAR_KEYWORD and is_table(value):
            words += _named(value)
        else:
            words += _named({parameter.name: value})
    return words


def _values(values: Sequence[object]) -> list[str]:
    return [shown_value(value, _VALUE_LIMIT) for value in values]


def _named(named: Mapping[str, object]) -> list[str]:
    return [f"{name}={_shown(name, value)}" for name, value in named.items()]


def _shown(name: str, value: object) -> str:
    """Return the value as a message shows it under the name of its parameter, cut once its secrets are hidden."""
    if is_secret_argument(name, value):
        return _MASK
    whole = quote(value)
    if is_a(value, str):
        for part in sorted(found_parts(name, plain(value)), key=len, reverse=True):
            whole = whole.replace(part, _MASK)
    return cut(without_logins(redact(whole)), _VALUE_LIMIT)
