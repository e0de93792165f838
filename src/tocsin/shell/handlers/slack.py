"""``slack_notifier`` and its exact types: the result of each way to call it.

The overloads are types alone; the code is in ``CurriedHandler``. Its own two come first, where pyright expects them. The other calls in
order follow, then those out of order by keyword. Each call may give options. These are written out, since ty ignores unknown keywords
of an unpacked ``TypedDict``.
"""

from typing import TYPE_CHECKING, Self, TypeVar, overload

import attrs

from tocsin.core.changes import Tracked
from tocsin.core.notifiers import SlackNotifier
from tocsin.core.options import Classes, Format, Mentions, Switch, Text, When
from tocsin.core.states import State
from tocsin.shell.handlers.currying import CurriedHandler, ForAll, ForNew, ForSome, ForStates, Waits

_S = TypeVar("_S", bound=State)


@attrs.frozen(repr=False)
class SlackHandler(CurriedHandler[Waits]):
    """A curried state handler that posts to Slack. ``Waits`` stands for the missing arguments.

    Args:
        tracked_obj: the Task, the Flow, or another object with a name, that changed.
        old_state: its state before.
        new_state: its state now; returned unchanged.
        ignore_states: State classes never to announce, including subclasses.
        only_states: State classes to announce, including subclasses; empty means all. ``ignore_states`` wins.
        when: a further filter from ``tocsin.filters``.
        webhook_secret: the name of the secret that holds the webhook's URL; default ``"SLACK_WEBHOOK_URL"``.
        token_secret: the name of the secret that holds an app's bot token, to post as that app instead of by a webhook;
            needs ``channel`` and the extra ``slack-bot``.
        channel: where the app posts: ``"#ops"``, or an id like ``"C0123ABCD"``. The messages of a run form one thread, whose first
            message is edited to show the newest state of its subject.
        mention: whom a message about a failure mentions: ids of people (``"U0123ABCD"``) and of user groups (``"S0123ABCD"``), or
            ``"here"``, ``"channel"`` and ``"everyone"``; at most 10. A failed attempt has no mention while another may follow.
        mention_states: State classes whose messages have the mentions, including subclasses; default ``[Failed]``, empty means all.
        message: a function that takes the Change and returns the text of the message.
        title_link: the link of the message's title, an http(s) URL.
        traceback: True adds the last ten frames of an exception: file, line and function.

    Raises:
        NotificationFailed: (a ValueError) the notification failed, for any reason.
        TypeError, ValueError: an option is invalid; raised by the call that binds it.
        ValueError: one of ``token_secret`` and ``channel`` is bound without the other; raised by the full call, or when the handler
            is attached.

    >>> import tocsin
    >>> tocsin.slack_notifier(mention=["U0123ABCD", "here"])
    slack_notifier(mention=['U0123ABCD', 'here'])
    >>> handler = tocsin.slack_notifier(ignore_states=[tocsin.Running])
    >>> handler
    slack_notifier(ignore_states=[Running])
    >>> handler(tocsin.Task("load"), tocsin.Pending(), tocsin.Running())
    Running()
    """

    if TYPE_CHECKING:
        # fmt: off
        @overload
        def __call__(self: "SlackHandler[ForAll]", tracked_obj: Tracked, old_state: State, new_state: _S, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> _S: ...
        @overload
        def __call__(self, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> Self: ...
        @overload
        def __call__(self: "SlackHandler[ForAll]", tracked_obj: Tracked, old_state: State, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> "SlackHandler[ForNew]": ...
        @overload
        def __call__(self: "SlackHandler[ForAll]", tracked_obj: Tracked, *,  # pyright: ignore[reportOverlappingOverload] - the first match is exact
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> "SlackHandler[ForStates]": ...
        @overload
        def __call__(self: "SlackHandler[ForStates]", old_state: State, new_state: _S, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> _S: ...
        @overload
        def __call__(self: "SlackHandler[ForStates]", old_state: State, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> "SlackHandler[ForNew]": ...
        @overload
        def __call__(self: "SlackHandler[ForNew]", new_state: _S, *,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> _S: ...
        @overload
        def __call__(self: "SlackHandler[ForAll]", tracked_obj: Tracked = ..., *, old_state: State = ..., new_state: State = ...,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> "SlackHandler[ForSome]": ...
        @overload
        def __call__(self: "SlackHandler[ForStates]", *, new_state: State,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> "SlackHandler[ForSome]": ...
        @overload
        def __call__(self: "SlackHandler[ForSome]", *bound: Tracked | State,
            tracked_obj: Tracked = ..., old_state: State = ..., new_state: State = ...,
            ignore_states: Classes = ..., only_states: Classes = ..., when: When = ..., message: Format = ..., title_link: Text = ...,
            traceback: Switch = ..., webhook_secret: Text = ..., token_secret: Text = ..., channel: Text = ...,
            mention: Mentions = ..., mention_states: Classes = ...,
        ) -> "State | SlackHandler[ForSome]": ...
        def __call__(self, *arguments: object, **named: object) -> object: ...
        # fmt: on


slack_notifier: SlackHandler[ForAll] = SlackHandler(SlackNotifier())
"""The handler without bound arguments or options, documented at ``SlackHandler``."""
