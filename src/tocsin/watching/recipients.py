"""Who is told, and what none of them wants to hear of.

Who is told where nobody is named, stands in the configuration. It is read when the first run begins; where nobody was found, it is
asked again once the environment names somebody, as in a notebook where that comes in a later cell.
"""

import os

import attrs

from tocsin.core.machine import ForeignHandler
from tocsin.core.notifiers import Notifier
from tocsin.core.states import Running, State, Success
from tocsin.shell.current import current_mode
from tocsin.shell.interpreters.base import Notify

Handlers = tuple[Notifier | ForeignHandler, ...]

_COMMON: tuple[type[State], ...] = (Running, Success)  # what most runs go through, and few people want to hear of
_SECRETS = ("SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL_FILE", "EMAIL_USERNAME", "EMAIL_PASSWORD")


@attrs.frozen(eq=False)
class Recipients:
    """State handlers, in order. ``deaf_to`` are kinds of states that concern none of them, and that none of them remembers."""

    handlers: Handlers
    deaf_to: tuple[type[State], ...]


def recipients_of(handlers: Handlers) -> Recipients:
    """These handlers as an audience."""
    return Recipients(handlers, tuple(kind for kind in _COMMON if all(_is_deaf(handler, kind) for handler in handlers)))


def _is_deaf(handler: Notifier | ForeignHandler, kind: type[State]) -> bool:
    return isinstance(handler, Notifier) and not handler.concerns(kind) and not handler.remembers()


@attrs.frozen
class _Found:
    """Who is told, where notifications fare like this, and the environment holds these secrets."""

    audience: Recipients
    manner: Notify
    secrets: tuple[str | None, ...]


_default: _Found | None = None


def default_recipients() -> Recipients:
    """Who is told where nobody is named."""
    global _default  # noqa: PLW0603 - one value, replaced as a whole
    here = current_mode()
    if _default is not None and _default.manner == here and (_default.audience.handlers or _default.secrets == _secrets()):
        return _default.audience
    from tocsin.shell.config.defaults import usual_handlers
    from tocsin.shell.config.load import configuration

    _default = _Found(recipients_of(usual_handlers(configuration(), here)), here, _secrets())
    return _default.audience


def forget() -> None:
    """Find out again who is told, once it is needed."""
    global _default  # noqa: PLW0603 - as above
    _default = None


def _secrets() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in _SECRETS)
