"""Delivery settings: the channels, the fallback, the retry policy and the rate limit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.core.config.examples import layers
from tests.shell.config.test_defaults import configured
from tests.shell.homes import Home
from tocsin import Finished, Recording
from tocsin.core.config.merging import Layer, merge
from tocsin.core.effects import Bot
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.shell.config import defaults
from tocsin.shell.config.defaults import default_handlers, no_recipients_message, secrets_of
from tocsin.shell.config.load import configuration, load
from tocsin.shell.interpreters.rendered import ByMail, BySlack

BOT: dict[str, object] = {"slack__token_secret": "OUR_TOKEN", "slack__channel": "#ops"}


@pytest.mark.usefixtures("home")
def test_with_a_token_and_a_channel_an_app_posts(monkeypatch: pytest.MonkeyPatch) -> None:
    config = configured(**BOT)
    assert secrets_of(config, "slack") == ("OUR_TOKEN",)
    assert default_handlers(config) == ()
    assert no_recipients_message(config).startswith("no message will be sent: set OUR_TOKEN; ")
    monkeypatch.setenv("SLACK_WEBHOOK_URL", "https://hooks.slack.com/services/T0/B0/a-canary")
    assert default_handlers(config) == ()
    monkeypatch.setenv("OUR_TOKEN", "xoxb-1234-a-canary")
    (notifier,) = default_handlers(config)
    assert notifier == SlackNotifier(only_states=[Finished], token_secret="OUR_TOKEN", channel="#ops")
    assert notifier.lacking() is None


@pytest.mark.usefixtures("home")
def test_a_token_that_is_not_named_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-1234-a-canary")
    assert default_handlers(merge()) == ()


@pytest.mark.usefixtures("home")
def test_all_secrets_are_known_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD")
    assert configuration().secret_names == usual
    configuration.cache_clear()
    monkeypatch.setenv("TOCSIN_SLACK_TOKEN_SECRET", "OUR_TOKEN")
    monkeypatch.setenv("TOCSIN_SLACK_CHANNEL", "#ops")
    assert configuration().secret_names == (usual[0], "OUR_TOKEN", *usual[1:])


def test_half_of_an_app_is_a_fault_and_left_out(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    path = home.own_file('[slack]\nchannel = "#ops"\n')
    found = load({}, home.project)
    assert isinstance(found, tuple)
    assert [str(fault).partition("; ")[0] for fault in found] == [
        f"{path}:2: slack.channel: it means nothing without slack.token_secret"
    ]
    assert configuration().slack.channel is None
    (record,) = caplog.records
    assert record.getMessage().endswith("TOCSIN_SLACK_TOKEN_SECRET=SLACK_BOT_TOKEN (this file, variable or setting is left out)")
    configuration.cache_clear()


def test_the_fallback_is_the_other_channel() -> None:
    sends = Recording()
    assert defaults.fallback(merge(), sends) is None
    mail = defaults.fallback(configured(delivery__fallback="gmail", gmail__to=["a@example.com"], gmail__cc=["b@example.com"]), sends)
    assert isinstance(mail, ByMail)
    assert (mail.inner, mail.to, mail.cc) == (sends, ("a@example.com",), ("b@example.com",))
    itself = defaults.fallback(configured(delivery__fallback="gmail"), sends)
    assert isinstance(itself, ByMail)
    assert itself.to is None
    hook = defaults.fallback(configured(delivery__fallback="slack", slack__webhook_secret="TEAM_WEBHOOK"), sends)
    assert isinstance(hook, BySlack)
    assert (hook.inner, hook.webhook_secret, hook.bot) == (sends, "TEAM_WEBHOOK", None)


def test_the_fallback_may_be_an_app() -> None:
    by_app = defaults.fallback(configured(delivery__fallback="slack", **BOT), Recording())
    assert isinstance(by_app, BySlack)
    assert by_app.bot == Bot("OUR_TOKEN", "#ops")


@given(layers("the user"))
def test_a_message_is_never_tried_for_less_time_than_one_try_may_take(one: Layer) -> None:
    config = merge(one)
    policy = defaults.policy(config)
    assert policy.attempts == config.delivery.attempts
    assert policy.deadline == max(config.delivery.retry_for, config.slack.deadline, config.gmail.deadline)


@pytest.mark.parametrize("channel", ["slack", "gmail"])
def test_a_deadline_shorter_than_one_try_is_that_of_one_try(channel: str) -> None:
    settings: dict[str, object] = {"delivery__retry_for": 1, "slack__deadline": 2, "gmail__deadline": 3, f"{channel}__deadline": 45}
    assert defaults.policy(configured(**settings)).deadline == 45


@given(st.integers(1, 10**9 - 1))
def test_no_day_sees_more_mails_than_it_may(daily: int) -> None:
    rate = defaults.mails(configured(gmail__daily=daily))
    assert rate.per == 86_400
    most = rate.messages + rate.burst - 1  # within 24 hours, excluding their end
    assert most <= daily
    assert rate.messages >= 0.8 * daily - 1


def test_both_channels_are_used_if_both_are_set(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"OUR_TOKEN": "xoxb-1234", "EMAIL_USERNAME": "a@example.com", "EMAIL_PASSWORD": "abcdabcdabcdabcd"}.items():
        monkeypatch.setenv(name, value)
    home.own_file('[slack]\ntoken_secret = "OUR_TOKEN"\nchannel = "#ops"\nonly = []\n')
    assert default_handlers(configuration()) == (
        SlackNotifier(token_secret="OUR_TOKEN", channel="#ops"),
        GmailNotifier(only_states=[Finished]),
    )
    configuration.cache_clear()
