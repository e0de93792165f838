"""The names of secrets that stay known although the file or the variable that names them cannot be used.

- What is left out of the configuration must not cost the hiding of a secret: a mistake in a time-out would show a password.
- So the text is searched, whatever else is wrong with it: it may be no TOML, and no UTF-8. Comments are left alone.
- A name counts if it is valid where it stands. One without its quotation marks, or between other separators, must also be called as
  secrets are, like each name in a project's file: a name that is hidden by mistake might be ``PATH``.
- What looks like a secret itself is no name, since names are shown.
"""

import re
from collections.abc import Iterable

from tocsin.core.config.problems import suspicious_value
from tocsin.core.config.schema import DELIVERY_OUTBOX_SECRET, SECRETS_NAMES, SLACK_TOKEN_SECRET, SLACK_WEBHOOK_SECRET, ConfigKey
from tocsin.core.config.value_types import TOKEN, Invalid
from tocsin.core.secrets import is_secret_name
from tocsin.core.validation import is_text

NAMING: tuple[ConfigKey[object], ...] = (SECRETS_NAMES, SLACK_WEBHOOK_SECRET, SLACK_TOKEN_SECRET, DELIVERY_OUTBOX_SECRET)
"""The keys whose values are names of secrets."""

_WORDS = "|".join(key.path[-1] for key in NAMING)
_ASSIGNED = re.compile(rf"(?<![\w-])[\"']?(?:{_WORDS})[\"']?[ \t]*=[ \t]*(\[(?:[^\]=\n]|\n(?!\s*\[))*|[^\n,}}]*)")
_COMMENT = re.compile(r"#[^\n]*")
_BETWEEN = re.compile(r"[\s,;]+")
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
_AROUND = "\"'[]{}"


def named_in_file(text: str, *, project: bool) -> tuple[str, ...]:
    """Return the names of secrets that a file names, whatever else the text holds.

    Args:
        text: the text of the file.
        project: whether the file belongs to a project, and so may name only what is called as secrets are.

    >>> named_in_file('[slack]\\ndedline = 3\\n[secrets]\\nnames = ["DB_PASSWORD", API_TOKEN', project=True)
    ('DB_PASSWORD', 'API_TOKEN')
    """
    values = (match[1] for match in _ASSIGNED.finditer(_COMMENT.sub("", text)))
    words = (word.lstrip("[") for value in values for word in _BETWEEN.split(value.rstrip("]")))
    return _distinct(word.strip(_AROUND) for word in words if _counts(word.strip(_AROUND), sure=_is_quoted(word) and not project))


def named_in_variable(text: str) -> tuple[str, ...]:
    """Return the names of secrets in the text of an environment variable that has others, too.

    >>> named_in_variable("DB_PIN,not a name,'API_TOKEN'")
    ('DB_PIN', 'API_TOKEN')
    """
    items = [item.strip() for item in text.split(",") if not suspicious_value(item.strip())]
    words = ((word.strip(_AROUND), word == item) for item in items for word in _BETWEEN.split(item))
    return _distinct(name for name, alone in words if _counts(name, sure=alone))


def _counts(name: str, *, sure: bool) -> bool:
    """Return whether this is the name of a secret. ``sure`` means that it stands as the name of any secret would."""
    return is_text(name) and not isinstance(TOKEN.check(name), Invalid) and (sure or is_secret_name(name))


def _is_quoted(word: str) -> bool:
    return _QUOTED.fullmatch(word) is not None


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))
