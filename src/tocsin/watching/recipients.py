"""The state handlers of a watch, and the default ones from the configuration.

- The configuration is read when the first run begins, and again when the mode of notification changes.
- If it named no handler then, it is read again once a secret in the environment changed: in a notebook, a later cell may set one.
"""

import os

import attrs

from tocsin.core.machine import ForeignHandler
from tocsin.core.notifiers import Notifier
from tocsin.core.states import Running, State, Success
from tocsin.shell.current import current_mode
from tocsin.shell.environment import Notify

Handlers = tuple[Notifier | ForeignHandler, ...]

_COMMON: tuple[type[State], ...] = (Running, Success)  # most runs pass through these, and few handlers want them
_SECRETS = ("SLACK_WEBHOOK_URL", "SLACK_WEBHOOK_URL_FILE", "EMAIL_USERNAME", "EMAIL_PASSWORD")


@attrs.frozen(eq=False)
class Recipients:
    """State handlers, in order. ``ignored`` are the kinds of states that no handler acts on, and no handler remembers."""

    handlers: Handlers
    ignored: tuple[type[State], ...]


def recipients_of(handlers: Handlers) -> Recipients:
    """Return these handlers with the kinds of states that they ignore."""
    return Recipients(handlers, tuple([kind for kind in _COMMON if False not in [ignores(handler, kind) for handler in handlers]]))


def ignores(handler: Notifier | ForeignHandler, kind: type[State]) -> bool:
    """Return whether a handler neither acts on states of this kind nor remembers them."""
    return isinstance(handler, Notifier) and not handler.concerns(kind) and not handler.remembers()


@attrs.frozen
class _Default:
    """The default recipients, with the mode and the secrets for which they hold."""

    recipients: Recipients
    mode: Notify
    secrets: tuple[str | None, ...]


_default: _Default | None = None


def default_recipients() -> Recipients:
    """Return the recipients that the configuration names."""
    global _default  # noqa: PLW0603 - one value, replaced as a whole
    mode = current_mode()
    if _default is not None and _default.mode == mode and (_default.recipients.handlers or _default.secrets == _secrets()):
        return _default.recipients
    from tocsin.shell.config.defaults import usual_handlers
    from tocsin.shell.config.load import configuration

    _default = _Default(recipients_of(usual_handlers(configuration(), mode)), mode, _secrets())
    return _default.recipients


def forget() -> None:
    """Drop the default recipients, so that they are read again at next use."""
    global _default  # noqa: PLW0603 - as above
    _default = None


def _secrets() -> tuple[str | None, ...]:
    return tuple(os.environ.get(name) for name in _SECRETS)
