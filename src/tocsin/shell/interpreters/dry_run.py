"""The interpreters that send nothing, open no socket and need no secret."""

from typing import ClassVar, TextIO

import attrs
from typing_extensions import override

from tocsin.core.delivery.rendering import redacted_message
from tocsin.core.effects import CallBack, Effect, PostToSlack, SendEmail, as_html, shown
from tocsin.core.messages.content import Content
from tocsin.core.outcomes import Outcome, Withheld
from tocsin.shell.environment import Notify
from tocsin.shell.interpreter import Performer, show
from tocsin.shell.redaction import redact

_SHOWN = 50  # effects that a notebook shows of a recording


@attrs.frozen
class DryRun(Performer):
    """Prints each effect to ``file`` (None means the standard output at that time).

    A Slack message is printed exactly as it would be posted, an app's as the first message of its run. In a mail the account's address
    is printed as ``<EMAIL_USERNAME>``: in From, and in To if none is set. A callback is named and not called.
    """

    file: TextIO | None = attrs.field(default=None, repr=False)

    notify: ClassVar[Notify] = "print"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        return show(effect, self.file)


@attrs.frozen
class Silent(Performer):
    """Drops each effect; ``reason`` explains why."""

    reason: str = "--notify=none says so"

    notify: ClassVar[Notify] = "none"

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        """Withhold the effect."""
        return Withheld(self.reason)


@attrs.frozen(eq=False, repr=False)
class Recording(Performer):
    """Keeps each effect, in order, in ``effects``. Thread-safe.

    >>> import tocsin
    >>> with tocsin.interpreting(tocsin.Recording()) as recording:
    ...     state = tocsin.slack_notifier(tocsin.Task("load"), tocsin.Running(), tocsin.Failed("disk full"))
    >>> recording.effects[0].payload.fallback
    'load failed: disk full'
    """

    _kept: list[Effect] = attrs.field(factory=list[Effect], init=False)

    notify: ClassVar[Notify] = "none"

    @property
    def effects(self) -> tuple[Effect, ...]:
        """All effects so far."""
        return tuple(self._kept)

    @property
    def slack(self) -> tuple[PostToSlack, ...]:
        """The messages to Slack so far."""
        return tuple(effect for effect in self.effects if isinstance(effect, PostToSlack))

    @property
    def mail(self) -> tuple[SendEmail, ...]:
        """The mails so far."""
        return tuple(effect for effect in self.effects if isinstance(effect, SendEmail))

    def about(self, name: str) -> tuple[PostToSlack | SendEmail, ...]:
        """Return the messages about what has this name, in order."""
        return tuple(effect for effect in self.effects if not isinstance(effect, CallBack) and _is_about(effect, name))

    @override
    def perform(self, effect: Effect, /) -> Outcome:
        self._kept.append(effect)
        return Withheld("recorded")

    def _repr_html_(self) -> str:
        """Return the effects as a notebook shows them; of more than 50, the last ones."""
        from tocsin.core.messages.html import fragments, note_html  # only in notebooks

        effects = self.effects
        more = len(effects) - _SHOWN
        head = [note_html(f"{more:,} more before these")] if more > 0 else []
        return fragments([note_html(repr(self)), *head, *map(_html, effects[-_SHOWN:])])

    def __repr__(self) -> str:
        return f"<Recording of {len(self._kept)} effects>"


def _html(effect: Effect) -> str:
    from tocsin.core.messages.html import note_html

    if isinstance(effect, CallBack):
        return note_html(shown(effect, redact))
    return as_html(redacted_message(effect, redact))  # it may be made by hand


def _is_about(message: PostToSlack | SendEmail, name: str) -> bool:
    content = message.content
    return message.key.slug == name or (isinstance(content, Content) and content.name == name)
