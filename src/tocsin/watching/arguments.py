"""What a watched function was called with, as a message shows it: each value by the name of its parameter.

- Values are a user's. Of each the repr is shown, cut and without known secrets. ``...`` stands in place of what has the name of
  a secret, and of the login in a URL.
- ``self`` and ``cls`` are left out. So are defaults: they stand in the code.
- A call that the function refuses, or a function without a readable signature, is shown as it was written.
"""

import inspect
from collections.abc import Mapping, Sequence
from inspect import Parameter

from tocsin.core.events import Detail
from tocsin.core.secrets import is_secret_argument, without_logins
from tocsin.core.text import cut, quote
from tocsin.core.validation import is_list, is_table
from tocsin.shell.redaction import redact

_VALUE_LIMIT, _LIMIT = 200, 1000  # characters
_OWNERS = {"self", "cls"}
_MASK = "..."


def shown_arguments(function: object, arguments: tuple[object, ...], named: Mapping[str, object]) -> Detail:
    """Return the arguments of a call as a titled text.

    >>> def load(path: str, *columns: str, limit: int = 10) -> None: ...
    >>> shown_arguments(load, ("a.csv", "id", "day"), {"limit": 3}).text
    "path='a.csv', *columns=('id', 'day'), limit=3"
    """
    try:
        words = _by_name(function, arguments, named)
    except KeyboardInterrupt:
        raise
    except BaseException:  # of a user's ``__signature__``, too
        words = [*_values(arguments), *_named(named)]
    return Detail("Arguments", cut(", ".join(words), _LIMIT), quoted=True)


def shown_value(value: object, limit: int) -> str:
    """Return the value's repr, cut to the limit, without known secrets and the logins of URLs."""
    return cut(without_logins(redact(quote(value))), limit)


def _by_name(function: object, arguments: tuple[object, ...], named: Mapping[str, object]) -> list[str]:
    """Return each value by the name of its parameter. Raises a TypeError for a call that the function refuses."""
    signature = inspect.signature(function) if callable(function) else inspect.Signature()
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
    return [f"{name}={_MASK if is_secret_argument(name, value) else shown_value(value, _VALUE_LIMIT)}" for name, value in named.items()]
