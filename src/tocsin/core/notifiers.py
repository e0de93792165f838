"""Pure notifiers: from a change to the effects that announce it.

A notifier is a value. Its filter comes first, and first of all the part of it that the kind of the new state settles: a
change that nobody asked for costs a look at a class. Code of the user's that a notifier runs (a predicate, a check, a
formatter) may raise: that is a fault beside the effects, never an exception; the message goes out all the same, and says so.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Never, TypeGuard

import attrs

from tocsin.core import options
from tocsin.core.changes import Change
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail
from tocsin.core.filters.algebra import Filter, Verdict, everything
from tocsin.core.filters.predicates import entered
from tocsin.core.messages.content import Content, compose
from tocsin.core.messages.email import mail
from tocsin.core.messages.slack import slack_message
from tocsin.core.messages.text import name_of, one_line, plain, quote
from tocsin.core.options import Formatter, Kinds, names
from tocsin.core.outcomes import Fault
from tocsin.core.states import State
from tocsin.core.validation import invoke
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Notice(Value):
    """What a notifier has to say of a change: the effects, and the faults met on the way."""

    effects: tuple[Effect, ...] = ()
    faults: tuple[Fault, ...] = ()


SILENCE = Notice()


class Notifier:
    """A pure function from a change to effects.

    It has no ``ABCMeta``, whose ``isinstance`` costs many times that of a plain class: each step asks it of each handler.
    """

    __slots__ = ()

    @abstractmethod
    def concerns(self, kind: type[State]) -> bool:
        """Whether any change into a state of this kind may be announced; the cheap half of the filter."""

    def remembers(self) -> bool:
        """Whether it may depend on how earlier runs ended, which somebody then has to remember."""
        return False

    @abstractmethod
    def explain(self, change: Change) -> Verdict:
        """Whether the change is announced, and why."""

    @abstractmethod
    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        """The effects of a change that is to be announced; ``fault`` is that of the filter."""

    def notice(self, change: Change, position: int = 0) -> Notice:
        """What the notifier at ``position`` in its list has to say of the change."""
        if not self.concerns(type(change.new)):
            return SILENCE
        verdict = self.explain(change)
        return self.describe(change, position, verdict.fault) if verdict.passed else SILENCE

    def __call__(self, change: Change) -> tuple[Effect, ...]:
        """The effects that announce the change."""
        return self.notice(change).effects


def _ignored(messenger: "Messenger") -> tuple[type[State], ...]:
    """The kinds to ignore, as ``issubclass`` takes them."""
    return tuple(messenger.ignore_states)


def _only(messenger: "Messenger") -> tuple[type[State], ...]:
    """The kinds to announce, likewise; all where none is named."""
    return tuple(messenger.only_states) or (State,)


@attrs.frozen(repr=False)
class Messenger(Notifier):
    """The common half of the notifiers that send a message: which changes, and what is said of them.

    Args:
        ignore_states: kinds of states never to announce.
        only_states: kinds of states to announce; none means all.
        when: a further filter.
        message: words the message; None for the state's message or exception.
        title_link: where the title leads, an http(s) URL.
        traceback: whether to add the last ten frames of an exception.
    """

    ignore_states: Kinds = attrs.field(default=None, converter=options.ignore_states, kw_only=True)
    only_states: Kinds = attrs.field(default=None, converter=options.only_states, kw_only=True)
    when: Filter = attrs.field(default=None, converter=options.when, kw_only=True)
    message: Formatter | None = attrs.field(default=None, converter=options.formatter, kw_only=True)
    title_link: str | None = attrs.field(default=None, converter=options.title_link, kw_only=True)
    traceback: bool = attrs.field(default=None, converter=options.switch, kw_only=True)

    _ignored: tuple[type[State], ...] = attrs.field(init=False, eq=False, default=attrs.Factory(_ignored, takes_self=True))
    _only: tuple[type[State], ...] = attrs.field(init=False, eq=False, default=attrs.Factory(_only, takes_self=True))

    function: ClassVar[str]

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """The names of all options, in order."""
        return tuple(field.name for field in attrs.fields(cls) if field.init)

    def written(self) -> tuple[str, ...]:
        """The options that differ from their defaults, as they would be written."""
        fresh = type(self)()
        pairs = ((name, getattr(self, name), getattr(fresh, name)) for name in self.options())
        return tuple(f"{name}={_as_written(value)}" for name, value, default in pairs if value != default)

    def __repr__(self) -> str:
        options = ", ".join(self.written())
        return f"{self.function}({options})" if options else self.function

    def lacking(self) -> str | None:
        """What has to be bound yet, in words that say what to write; None where nothing has."""
        return None

    @property
    def filter(self) -> Filter:
        """All three conditions as one formula."""
        ignored = ~entered(*self.ignore_states) if self.ignore_states else everything
        only = entered(*self.only_states) if self.only_states else everything
        return ignored & only & self.when

    def concerns(self, kind: type[State]) -> bool:
        if issubclass(kind, self._ignored) or not issubclass(kind, self._only):
            return False
        try:
            return self.when.settles(kind) is not False
        except Exception:
            return True  # a filter of the user's that cannot tell has the whole change to look at

    def remembers(self) -> bool:
        return self.when.remembers()

    def explain(self, change: Change) -> Verdict:
        """Whether the change is announced, and why; a failure that something inside has told of already is not."""
        if change.facts.told_by is not None:
            return Verdict(False, f"{one_line(change.facts.told_by)!r}, inside it, told of this failure already")
        return self.filter.explain(change)

    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        faults = [] if fault is None else [fault]
        message, remark = self._worded(change, faults), self._remark(change, faults)
        notes = tuple(str(fault) for fault in faults)
        content = compose(change, message=message, remark=remark, traceback=self.traceback, notes=notes, link=self.link(change))
        return Notice((self.effect(content, change, position),), tuple(faults))

    def _worded(self, change: Change, faults: list[Fault]) -> str | None:
        if self.message is None:
            return None
        try:
            worded = invoke(self.message, change)  # which need not return what it says
            if isinstance(worded, str):
                return plain(worded)
            raise TypeError(f"it returned {quote(worded)}, not a str")
        except Exception as error:
            faults.append(Fault(f"the formatter {name_of(self.message)}", error))
            return None

    def _remark(self, change: Change, faults: list[Fault]) -> str | None:
        try:
            return self.when.remark(change)
        except Exception as error:
            faults.append(Fault(f"the remark of {quote(self.when)}", error))
            return None

    def link(self, change: Change) -> str | None:
        """Where the message's title leads: what the run itself says comes first."""
        return change.facts.link or self.title_link

    @abstractmethod
    def effect(self, content: Content, change: Change, position: int) -> Effect:
        """The one effect that says it."""


@attrs.frozen(repr=False)
class SlackNotifier(Messenger):
    """Posts to the incoming webhook whose URL is the secret named ``webhook_secret``.

    With both ``token_secret`` and ``channel``, it posts as the app with that token into that channel, and needs no webhook.
    """

    function = "slack_notifier"

    webhook_secret: str = attrs.field(default=None, converter=options.webhook_secret, kw_only=True)
    token_secret: str | None = attrs.field(default=None, converter=options.token_secret, kw_only=True)
    channel: str | None = attrs.field(default=None, converter=options.channel, kw_only=True)

    @property
    def bot(self) -> Bot | None:
        """The app that posts; None where a webhook takes the message."""
        return None if self.token_secret is None or self.channel is None else Bot(self.token_secret, self.channel)

    def lacking(self) -> str | None:
        if (self.token_secret is None) == (self.channel is None):
            return None
        missing = "token_secret='SLACK_BOT_TOKEN'" if self.token_secret is None else "channel='#ops'"
        return f"to post to Slack as an app takes a token and a channel: add {missing} to {self!r}"

    def effect(self, content: Content, change: Change, position: int) -> Effect:
        return PostToSlack(self.webhook_secret, slack_message(content), change.key(position), self.bot, content)


@attrs.frozen(repr=False)
class GmailNotifier(Messenger):
    """Mails from the account in the secrets ``EMAIL_USERNAME`` and ``EMAIL_PASSWORD``, to ``to`` (None: to itself) and ``cc``."""

    function = "gmail_notifier"

    to: tuple[str, ...] | None = attrs.field(default=None, converter=options.recipients, kw_only=True)
    cc: tuple[str, ...] = attrs.field(default=None, converter=options.copies, kw_only=True)

    def effect(self, content: Content, change: Change, position: int) -> Effect:
        return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", mail(content, self.to, self.cc), change.key(position), content)


@attrs.frozen(repr=False)
class Callback(Notifier):
    """Has ``fn(tracked_obj, state)`` called where ``check(state)`` is True, and nothing but True."""

    fn: Callable[[Never, State], object]
    check: Callable[[State], bool]

    def concerns(self, kind: type[State]) -> bool:  # noqa: ARG002 - only the check knows
        return True

    def explain(self, change: Change) -> Verdict:
        try:
            passed = self.check(change.new) is True
        except Exception as error:
            fault = Fault(f"the check {name_of(self.check)}", error)
            return Verdict(True, f"{fault}, which counts as a pass", fault)
        return Verdict(passed, f"the check {name_of(self.check)} {'is' if passed else 'is not'} True of the new state")

    def __repr__(self) -> str:
        return f"callback_factory({name_of(self.fn)}, {name_of(self.check)})"

    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        effect = CallBack(self.fn, change.tracked_obj, change.new, change.key(position))
        return Notice((effect,), () if fault is None else (fault,))


def _as_written(value: object) -> str:
    if _is_kinds(value):
        return f"[{names(value)}]"
    if _is_tuple(value):
        return quote(list(value))
    return name_of(value)


def _is_kinds(value: object) -> TypeGuard[Kinds]:
    return isinstance(value, frozenset)


def _is_tuple(value: object) -> TypeGuard[tuple[object, ...]]:
    return isinstance(value, tuple)
