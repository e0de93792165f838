"""Notifiers: pure functions, as values, from a change to the effects that announce it.

- A notifier checks its filter first, beginning with the part that depends on the kind of the new state alone. So a change that it
  does not announce costs one class check.
- Users' code in a notifier (a predicate, a check, a formatter) may raise. The exception becomes a fault beside the effects and never
  leaves the notifier. The message is sent all the same, and mentions the fault.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar, Never

import attrs

from tocsin.core import options
from tocsin.core.changes import Change
from tocsin.core.effects import Bot, CallBack, Effect, PostToSlack, SendEmail, edits_by
from tocsin.core.endings import stand_in
from tocsin.core.events import Said
from tocsin.core.filters.algebra import Filter, Verdict, everything
from tocsin.core.filters.predicates import Entered, Kinds, are_kinds, names
from tocsin.core.messages.content import Content, compose
from tocsin.core.messages.email import mail
from tocsin.core.messages.said import compose_said
from tocsin.core.messages.slack import slack_message
from tocsin.core.options import Formatter
from tocsin.core.outcomes import Fault
from tocsin.core.states import Finished, Running, State
from tocsin.core.text import name_of, one_line, plain, quote
from tocsin.core.validation import invoke, is_list
from tocsin.core.values import Value


@attrs.frozen(eq=False, repr=False)
class Notice(Value):
    """A notifier's result for a change: the effects, and the faults of users' code."""

    effects: tuple[Effect, ...] = ()
    faults: tuple[Fault, ...] = ()


SILENCE = Notice()


class Notifier:
    """A pure function from a change to effects.

    It does without ``ABCMeta``, whose ``isinstance`` costs many times that of a plain class: each step checks each handler.
    """

    __slots__ = ()

    @abstractmethod
    def concerns(self, kind: type[State]) -> bool:
        """Return whether a change into a state of this kind may be announced; the cheap half of the filter."""

    def remembers(self) -> bool:
        """Return whether the result may depend on how earlier runs ended, so that the streak must be recorded."""
        return False

    @abstractmethod
    def explain(self, change: Change) -> Verdict:
        """Return whether the change is announced, and why."""

    @abstractmethod
    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        """Return the effects that announce the change; ``fault`` is that of the filter."""

    def notice(self, change: Change, position: int = 0) -> Notice:
        """Return the result for the change, of the notifier at ``position`` in its list."""
        if not self.concerns(type(change.new)):
            return SILENCE
        verdict = self.explain(change)
        return self.describe(change, position, verdict.fault) if verdict.passed else SILENCE

    def say(self, change: Change, said: Said, position: int) -> tuple[Effect, ...]:  # noqa: ARG002 - for those that send messages
        """Return the effects that send what the author of a run says; none for a notifier that sends no messages."""
        return ()

    def __call__(self, change: Change) -> tuple[Effect, ...]:
        """Return the effects that announce the change."""
        return self.notice(change).effects


def _ignored(messenger: "Messenger") -> tuple[type[State], ...]:
    return tuple(messenger.ignore_states)


def _only(messenger: "Messenger") -> tuple[type[State], ...]:
    """Return the kinds to announce, for ``issubclass``; all kinds if none is named."""
    return tuple(messenger.only_states) or (State,)


def _filter(messenger: "Messenger") -> Filter:
    ignored = ~Entered(messenger.ignore_states) if messenger.ignore_states else everything
    only = Entered(messenger.only_states) if messenger.only_states else everything
    return ignored & only & messenger.when


@attrs.frozen(repr=False)
class Messenger(Notifier):
    """The common base of the notifiers that send a message: it selects the changes and words the message.

    Args:
        ignore_states: the kinds of states never to announce.
        only_states: the kinds of states to announce; an empty list means all.
        when: a further filter.
        message: the function that words the message; None for the state's message or exception.
        title_link: the target of the title, an http(s) URL.
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
    filter: Filter = attrs.field(init=False, eq=False, default=attrs.Factory(_filter, takes_self=True))
    """The three conditions as one filter."""

    function: ClassVar[str]

    @classmethod
    def options(cls) -> tuple[str, ...]:
        """Return the names of all options, in order."""
        return tuple(field.name for field in attrs.fields(cls) if field.init)

    def written(self) -> tuple[str, ...]:
        """Return the options that differ from their defaults, as source code."""
        fresh = type(self)()
        pairs = ((name, getattr(self, name), getattr(fresh, name)) for name in self.options())
        return tuple(f"{name}={_as_written(value)}" for name, value, default in pairs if value != default)

    def __repr__(self) -> str:
        options = ", ".join(self.written())
        return f"{self.function}({options})" if options else self.function

    def lacking(self) -> str | None:
        """Return the error for a missing option, with what to write; None if none is missing."""
        return None

    def concerns(self, kind: type[State]) -> bool:
        if issubclass(kind, self._ignored) or not issubclass(kind, self._only):
            return False
        if self.when is everything:
            return True
        try:
            return self.when.settles(kind) is not False
        except Exception:
            return True  # a user's filter that raises here is asked again about the whole change

    def remembers(self) -> bool:
        return self.when.remembers()

    def notice(self, change: Change, position: int = 0) -> Notice:
        if self.when is everything and change.facts.told_by is None:  # the kind decides alone, and nobody asks why
            return self.describe(change, position, None) if self.concerns(type(change.new)) else SILENCE
        return Notifier.notice(self, change, position)

    def explain(self, change: Change) -> Verdict:
        """Return whether the change is announced, and why. A failure that a nested run already announced is not."""
        if change.facts.told_by is not None:
            return Verdict(False, f"{one_line(change.facts.told_by)!r}, inside it, already announced this failure")
        return self.filter.explain(change)

    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:
        faults = [] if fault is None else [fault]
        message = None if self.message is None else self._worded(self.message, change, faults)
        remark = None if self.when is everything else self._annotation(change, faults)
        notes = tuple(_noted(fault) for fault in faults) if faults else ()
        content = compose(
            change, message=message, remark=remark, traceback=self.traceback, notes=notes, link=change.facts.link or self.title_link
        )
        return Notice((self.effect(content, change, position),), tuple(faults))

    def say(self, change: Change, said: Said, position: int) -> tuple[Effect, ...]:
        """Return the message, whatever the filter: the author asked for it. The formatter words changes of states alone."""
        content = compose_said(change, said, change.facts.link or self.title_link)
        shown = change if said.state is None else attrs.evolve(change, new=said.state, final=True)  # a failure may have mentions
        effect = self.effect(content, shown, position)
        return edits_by(effect) if said.edits else (effect,)

    @staticmethod
    def _worded(formatter: Formatter, change: Change, faults: list[Fault]) -> str | None:
        try:
            worded = invoke(formatter, change)  # a user's function may return anything, whatever its type says
            if isinstance(worded, str):
                return plain(worded)
            raise TypeError(f"it returned {quote(worded)}, not a str")
        except Exception as error:
            faults.append(Fault(f"the formatter {name_of(formatter)}", error))
            return None

    def _annotation(self, change: Change, faults: list[Fault]) -> str | None:
        try:
            remark: object = self.when.remark(change)
            return None if remark is None else plain(remark)
        except Exception as error:
            faults.append(Fault(f"the remark of {quote(self.when)}", error))
            return None

    @abstractmethod
    def effect(self, content: Content, change: Change, position: int) -> Effect:
        """Return the effect that sends the content."""


@attrs.frozen(repr=False)
class SlackNotifier(Messenger):
    """Posts to the incoming webhook whose URL is the secret named ``webhook_secret``.

    With both ``token_secret`` and ``channel``, it posts to that channel as the app with that token, and needs no webhook.

    A message about a state of ``mention_states`` mentions those of ``mention``, unless another attempt may follow.
    """

    function = "slack_notifier"

    webhook_secret: str = attrs.field(default=None, converter=options.webhook_secret, kw_only=True)
    token_secret: str | None = attrs.field(default=None, converter=options.token_secret, kw_only=True)
    channel: str | None = attrs.field(default=None, converter=options.channel, kw_only=True)
    mention: tuple[str, ...] = attrs.field(default=None, converter=options.mention, kw_only=True)
    mention_states: Kinds = attrs.field(default=None, converter=options.mention_states, kw_only=True)

    @property
    def bot(self) -> Bot | None:
        """The app that posts; None if a webhook does."""
        return None if self.token_secret is None or self.channel is None else Bot(self.token_secret, self.channel)

    def lacking(self) -> str | None:
        if (self.token_secret is None) == (self.channel is None):
            return None
        missing = "token_secret='SLACK_BOT_TOKEN'" if self.token_secret is None else "channel='#ops'"
        return f"to post to Slack as an app takes a token and a channel: add {missing} to {self!r}"

    def effect(self, content: Content, change: Change, position: int) -> Effect:
        if self.mention and self._is_paging(change):
            content = attrs.evolve(content, mentions=self.mention)
        return PostToSlack(self.webhook_secret, slack_message(content), change.key(position), self.bot, content, content.attachments)

    def _is_paging(self, change: Change) -> bool:
        """Return whether the message about a change has the mentions. A failed attempt has none while another may follow."""
        if isinstance(change.new, Finished) and not change.final:
            return False
        return isinstance(change.new, tuple(self.mention_states) or State)


@attrs.frozen(repr=False)
class GmailNotifier(Messenger):
    """Mails from the account in the secrets ``EMAIL_USERNAME`` and ``EMAIL_PASSWORD`` to ``to`` (None: the account) and ``cc``."""

    function = "gmail_notifier"

    to: tuple[str, ...] | None = attrs.field(default=None, converter=options.recipients, kw_only=True)
    cc: tuple[str, ...] = attrs.field(default=None, converter=options.copies, kw_only=True)

    def effect(self, content: Content, change: Change, position: int) -> Effect:
        return SendEmail("EMAIL_USERNAME", "EMAIL_PASSWORD", mail(content, self.to, self.cc), change.key(position), content)


@attrs.frozen(repr=False)
class Callback(Notifier):
    """Calls ``fn(tracked_obj, state)`` if ``check(state)`` returns exactly True."""

    fn: Callable[[Never, State], object]
    check: Callable[[State], bool]

    def concerns(self, kind: type[State]) -> bool:  # noqa: ARG002 - the check needs the whole state
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


@attrs.frozen(repr=False)
class Pinger(Notifier):
    """Calls ``ping(tracked_obj, state)`` when a run starts, and when it has ended with no attempt to follow."""

    ping: Callable[[Never, State], object]

    def concerns(self, kind: type[State]) -> bool:
        return issubclass(kind, Running | Finished)

    def explain(self, change: Change) -> Verdict:
        if isinstance(change.new, Running):
            return Verdict(change.attempt == 1, f"attempt {change.attempt} starts")
        return Verdict(change.final, "nothing follows" if change.final else "another attempt may follow")

    def describe(self, change: Change, position: int, fault: Fault | None) -> Notice:  # noqa: ARG002 - no code of the user's runs here
        return Notice((CallBack(self.ping, change.tracked_obj, change.new, change.key(position)),))

    def __repr__(self) -> str:
        return name_of(self.ping)


def _noted(fault: Fault) -> str:
    try:
        return str(fault)
    except KeyboardInterrupt:  # it comes again where the fault is logged, once people are told
        return str(Fault(fault.where, stand_in(fault.error)))


def _as_written(value: object) -> str:
    if are_kinds(value):
        return f"[{names(value)}]"
    if is_list(value):
        return quote(list(value))
    return name_of(value)
