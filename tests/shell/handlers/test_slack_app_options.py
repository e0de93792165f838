"""A notifier that posts as an app: its two options belong together and are values like the others."""

import pickle
import re

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin import Change, Failed, Flow, LoggingHandler, Recording, Running, Success, Task, interpreting, slack_notifier
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.events import Facts
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.shell.handlers.currying import ForAll
from tocsin.shell.handlers.slack import SlackHandler
from tocsin.testing import strategies
from tocsin.testing.laws_currying import LAWS, Options, cases

BOUND = slack_notifier(token_secret="SLACK_BOT_TOKEN", channel="#ops")
OPTIONS: Options = {"token_secret": st.sampled_from(["SLACK_BOT_TOKEN", "OTHER"]), "channel": st.sampled_from(["#ops", "C0123ABCD"])}
TOKEN = "xoxb-1234-5678-abcd"


@pytest.mark.parametrize("law", LAWS)
@given(data=st.data())
def test_law(law: str, data: st.DataObject) -> None:
    assert LAWS[law](BOUND, data.draw(cases(OPTIONS, strategies.tracked())))


@given(strategies.changes())
def test_the_effect_says_which_app_and_where(drawn: Change) -> None:
    change = attrs.evolve(drawn, facts=Facts())
    (effect,) = SlackNotifier(token_secret="SLACK_BOT_TOKEN", channel="C0123ABCD")(change)
    (plain,) = SlackNotifier()(change)
    assert isinstance(effect, PostToSlack)
    assert isinstance(plain, PostToSlack)
    assert (effect.bot, plain.bot) == (Bot("SLACK_BOT_TOKEN", "C0123ABCD"), None)
    assert effect.payload == plain.payload


def test_the_options_are_values_and_may_be_bound_apart() -> None:
    apart = slack_notifier(token_secret="SLACK_BOT_TOKEN")(channel="#ops")
    assert apart == BOUND == pickle.loads(pickle.dumps(apart))
    assert hash(apart) == hash(BOUND)
    assert repr(apart) == "slack_notifier(token_secret='SLACK_BOT_TOKEN', channel='#ops')"
    assert BOUND(token_secret=None, channel=None) == slack_notifier != BOUND


HALVES = [
    (slack_notifier(token_secret="SLACK_BOT_TOKEN"), "channel='#ops'"),
    (slack_notifier(channel="#ops"), "token_secret='SLACK_BOT_TOKEN'"),
    (BOUND(channel=None), "channel='#ops'"),
]


@pytest.mark.parametrize(("half", "add"), HALVES)
def test_one_without_the_other_is_an_error_when_it_is_to_work(half: SlackHandler[ForAll], add: str) -> None:
    said = re.escape(f"to post to Slack as an app takes a token and a channel: add {add} to {half!r}")
    with pytest.raises(ValueError, match=said):
        Task("load", state_handlers=[half])
    with pytest.raises(ValueError, match=said):
        Flow("nightly", state_handlers=[half])
    with pytest.raises(ValueError, match=said):
        LoggingHandler(state_handlers=[half])
    with interpreting(Recording()) as recording, pytest.raises(ValueError, match=said):
        half(Task("load"), Running(), Failed())
    assert not recording.effects


def test_both_together_work() -> None:
    with interpreting(Recording()) as recording:
        assert BOUND(Task("load"), Running(), Success()) == Success()
    assert len(recording.effects) == 1
    assert Task("load", state_handlers=[BOUND]).handlers == (BOUND.notifier,)


def test_other_notifiers_lack_nothing() -> None:
    assert GmailNotifier().lacking() is SlackNotifier().lacking() is None


@pytest.mark.parametrize("given", [TOKEN, TOKEN.upper().replace("-", "_"), "xoxp-1", "a b", ""])
def test_a_token_is_no_name_and_is_not_repeated(given: str) -> None:
    with pytest.raises(
        ValueError, match="takes the name of a secret, never the token itself: write token_secret='SLACK_BOT_TOKEN'"
    ) as it:
        slack_notifier(token_secret=given)
    assert not given.strip() or given == "a b" or given not in str(it.value)


@pytest.mark.parametrize("given", ["ops", "#a b", "C1", "<!channel>", "#" + "x" * 500])
def test_a_channel_is_a_name_or_an_id(given: str) -> None:
    with pytest.raises(ValueError, match=r"^channel takes a name like '#ops' or an id like 'C0123ABCD', not ") as caught:
        slack_notifier(channel=given)
    assert len(str(caught.value)) < 150


def test_options_of_the_wrong_type() -> None:
    with pytest.raises(TypeError, match="token_secret takes the name of a secret, not a int"):
        slack_notifier(token_secret=3)  # type: ignore[call-overload]  # as in code that has no types
    with pytest.raises(TypeError, match="channel takes a name like '#ops' or an id like 'C0123ABCD', not \\['#ops'\\]"):
        slack_notifier(channel=["#ops"])  # type: ignore[call-overload]  # as above
