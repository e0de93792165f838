"""``gmail_notifier`` and its exact types: the result of each way to call it.

The overloads run from the full call down: first in order, then out of order by keyword. Each call may give options.
"""

from collections.abc import Iterable
from typing import Generic, Self, TypedDict, TypeVar, Unpack, overload

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.filters.algebra import Filter
from tocsin.core.notifiers import GmailNotifier
from tocsin.core.options import Formatter
from tocsin.core.states import State
from tocsin.shell.handlers.currying import CurriedHandler, ForAll, ForNew, ForSome, ForStates, Waits

_S = TypeVar("_S", bound=State)


class GmailOptions(TypedDict, total=False):
    """The options of ``gmail_notifier``. Each may be given in any call; None restores its default."""

    ignore_states: Iterable[type[State]] | None
    only_states: Iterable[type[State]] | None
    when: Filter | None
    message: Formatter | None
    title_link: str | None
    traceback: bool | None
    to: Iterable[str] | None
    cc: Iterable[str] | None


@attrs.frozen(repr=False)
class GmailHandler(CurriedHandler, Generic[Waits]):
    """A curried state handler that mails by Gmail. ``Waits`` stands for the missing arguments.

    The account is the secret ``EMAIL_USERNAME``; its app password, or the JSON that Google gives for it, is ``EMAIL_PASSWORD``.

    Args:
        tracked_obj: the Task, the Flow, or another object with a name, that changed.
        old_state: its state before.
        new_state: its state now; returned unchanged.
        ignore_states: State classes never to announce, including subclasses.
        only_states: State classes to announce, including subclasses; empty means all. ``ignore_states`` wins.
        when: a further filter from ``tocsin.filters``.
        to: addresses to mail to, at most 100; the account itself by default.
        cc: addresses to copy to, at most 100.
        message: a function that takes the Change and returns the text of the message.
        title_link: the link of the mail's title, an http(s) URL.
        traceback: True adds the last ten frames of an exception: file, line and function.

    Raises:
        NotificationFailed: (a ValueError) the notification failed, for any reason.
        TypeError, ValueError: an option is invalid; raised by the call that binds it.

    >>> import tocsin
    >>> tocsin.gmail_notifier(only_states=[tocsin.Failed])(to=["ops@example.com"])
    gmail_notifier(only_states=[Failed], to=['ops@example.com'])
    """

    @overload
    def __call__(
        self: "GmailHandler[ForAll]", tracked_obj: Tracked, old_state: State, new_state: _S, **options: Unpack[GmailOptions]
    ) -> _S: ...
    @overload
    def __call__(
        self: "GmailHandler[ForAll]", tracked_obj: Tracked, old_state: State, **options: Unpack[GmailOptions]
    ) -> "GmailHandler[ForNew]": ...
    @overload
    def __call__(self: "GmailHandler[ForAll]", tracked_obj: Tracked, **options: Unpack[GmailOptions]) -> "GmailHandler[ForStates]": ...
    @overload
    def __call__(self: "GmailHandler[ForStates]", old_state: State, new_state: _S, **options: Unpack[GmailOptions]) -> _S: ...
    @overload
    def __call__(self: "GmailHandler[ForStates]", old_state: State, **options: Unpack[GmailOptions]) -> "GmailHandler[ForNew]": ...
    @overload
    def __call__(self: "GmailHandler[ForNew]", new_state: _S, **options: Unpack[GmailOptions]) -> _S: ...
    @overload
    def __call__(self, **options: Unpack[GmailOptions]) -> Self: ...
    @overload  # from here on by keyword, out of order
    def __call__(
        self: "GmailHandler[ForAll]", tracked_obj: Tracked = ..., *, new_state: State, **options: Unpack[GmailOptions]
    ) -> "GmailHandler[ForSome]": ...
    @overload
    def __call__(
        self: "GmailHandler[ForAll]", *, old_state: State, new_state: State = ..., **options: Unpack[GmailOptions]
    ) -> "GmailHandler[ForSome]": ...
    @overload
    def __call__(self: "GmailHandler[ForStates]", *, new_state: State, **options: Unpack[GmailOptions]) -> "GmailHandler[ForSome]": ...
    @overload
    def __call__(
        self: "GmailHandler[ForSome]",
        *bound: Tracked | State,
        tracked_obj: Tracked = ...,
        old_state: State = ...,
        new_state: State = ...,
        **options: Unpack[GmailOptions],
    ) -> "State | GmailHandler[ForSome]": ...
    def __call__(self, *arguments: object, **named: object) -> object:
        if len(arguments) == 3 and not named:  # the fast path for states that the handler ignores
            new = arguments[2]
            if type(new) in self._silent:
                return new
        return self.bind(arguments, named)


gmail_notifier: GmailHandler[ForAll] = GmailHandler(GmailNotifier())
"""The handler without bound arguments or options, documented at ``GmailHandler``."""
