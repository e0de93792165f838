"""``gmail_notifier`` and its exact types: the result of each way to call it, as in ``slack``."""

from typing import TYPE_CHECKING, Self, TypeVar, overload

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.notifiers import GmailNotifier
from tocsin.core.options import Addresses, Classes, Format, Switch, Text, When
from tocsin.core.states import State
from tocsin.shell.handlers.currying import CurriedHandler, ForAll, ForNew, ForSome, ForStates, Waits

_S = TypeVar("_S", bound=State)


@attrs.frozen(repr=False)
class GmailHandler(CurriedHandler[Waits]):
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

    if TYPE_CHECKING:
        # fmt: off
        @overload
        def __call__(self: "GmailHandler[ForAll]", tracked_obj: Tracked, old_state: State, new_state: _S, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> _S: ...
        @overload
        def __call__(self, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> Self: ...
        @overload
        def __call__(self: "GmailHandler[ForAll]", tracked_obj: Tracked, old_state: State, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> "GmailHandler[ForNew]": ...
        @overload
        def __call__(self: "GmailHandler[ForAll]", tracked_obj: Tracked, *,  # pyright: ignore[reportOverlappingOverload] - the first match is exact
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> "GmailHandler[ForStates]": ...
        @overload
        def __call__(self: "GmailHandler[ForStates]", old_state: State, new_state: _S, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> _S: ...
        @overload
        def __call__(self: "GmailHandler[ForStates]", old_state: State, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> "GmailHandler[ForNew]": ...
        @overload
        def __call__(self: "GmailHandler[ForNew]", new_state: _S, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> _S: ...
        @overload
        def __call__(self: "GmailHandler[ForAll]", tracked_obj: Tracked = ..., *, old_state: State = ..., new_state: State = ...,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> "GmailHandler[ForSome]": ...
        @overload
        def __call__(self: "GmailHandler[ForStates]", *, new_state: State,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> "GmailHandler[ForSome]": ...
        @overload
        def __call__(self: "GmailHandler[ForSome]", *bound: Tracked | State,
            tracked_obj: Tracked = ..., old_state: State = ..., new_state: State = ...,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., to: Addresses = ..., cc: Addresses = ...,
        ) -> "State | GmailHandler[ForSome]": ...
        def __call__(self, *arguments: object, **named: object) -> object: ...
        # fmt: on


gmail_notifier: GmailHandler[ForAll] = GmailHandler(GmailNotifier())
"""The handler without bound arguments or options, documented at ``GmailHandler``."""
