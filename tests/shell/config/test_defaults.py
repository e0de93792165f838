"""Default notifiers, and the interpreter that a configuration describes."""

from pathlib import Path

import pytest

from tests.servers.slack import SlackServer
from tests.shell.adapters.examples import post
from tests.shell.homes import Home
from tocsin import Failed, Finished, Live, Retrying, Running, Success, TimedOut
from tocsin.adapters import Gmail, Secrets, SlackWebhook
from tocsin.core.config.merging import Layer, layer_from, merge
from tocsin.core.config.schema import Configuration
from tocsin.core.notifiers import GmailNotifier, SlackNotifier
from tocsin.core.outcomes import Delivered, Rejected
from tocsin.shell.config.defaults import default_handlers, live, no_recipients_message

URL = "https://hooks.slack.com/services/T0/B0/a-canary"


def configured(**settings: object) -> Configuration:
    """Return the configuration with these settings; two underscores stand for the dot in a key."""
    layer = layer_from({name.replace("__", "."): value for name, value in settings.items()})
    assert isinstance(layer, Layer), layer
    return merge(layer)


@pytest.mark.usefixtures("home")
def test_channels_with_secrets_are_used(monkeypatch: pytest.MonkeyPatch) -> None:
    assert default_handlers(merge()) == ()
    monkeypatch.setenv("EMAIL_USERNAME", "ops@example.com")
    assert default_handlers(merge()) == ()
    monkeypatch.setenv("SLACK_WEBHOOK_URL", URL)
    assert default_handlers(merge()) == (SlackNotifier(only_states=[Finished]),)
    monkeypatch.setenv("EMAIL_PASSWORD", "abcdabcdabcdabcd")
    assert default_handlers(merge()) == (SlackNotifier(only_states=[Finished]), GmailNotifier(only_states=[Finished]))
    assert default_handlers(configured(slack__webhook_secret="TEAM_WEBHOOK")) == (GmailNotifier(only_states=[Finished]),)


@pytest.mark.usefixtures("home")
def test_a_secret_that_cannot_be_read_is_one_that_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL_FILE", "/no/such/file")
    assert default_handlers(merge()) == (SlackNotifier(only_states=[Finished]),)


def test_a_file_of_secrets_counts(home: Home) -> None:
    home.own.mkdir(parents=True)
    path = home.own / "secrets.toml"
    path.write_text(f'SLACK_WEBHOOK_URL = "{URL}"')
    path.chmod(0o600)
    assert default_handlers(merge()) == (SlackNotifier(only_states=[Finished]),)


@pytest.mark.usefixtures("home")
def test_configured_channels_are_used_whatever_secrets_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", URL)
    assert default_handlers(configured(notifiers=["gmail"])) == (GmailNotifier(only_states=[Finished]),)
    assert default_handlers(configured(notifiers=[])) == ()


def test_the_notifiers_are_as_configured() -> None:
    config = configured(
        notifiers=["gmail", "slack"],
        only=["Failed"],
        ignore=["Running"],
        traceback=True,
        slack__only=[],
        slack__title_link="https://example.com",
        slack__webhook_secret="TEAM_WEBHOOK",
        slack__mention=["U0123ABCD", "here"],
        slack__mention_states=["TimedOut"],
        gmail__ignore=["Retrying"],
        gmail__to=["a@example.com"],
        gmail__cc=["b@example.com"],
    )
    link, to, cc = "https://example.com", ["a@example.com"], ["b@example.com"]
    assert default_handlers(config) == (
        SlackNotifier(
            ignore_states=[Running],
            traceback=True,
            title_link=link,
            webhook_secret="TEAM_WEBHOOK",
            mention=["U0123ABCD", "here"],
            mention_states=[TimedOut],
        ),
        GmailNotifier(only_states=[Failed], ignore_states=[Retrying], traceback=True, to=to, cc=cc),
    )
    assert default_handlers(configured(notifiers=["slack"], slack__only=["Success"])) == (SlackNotifier(only_states=[Success]),)


@pytest.mark.usefixtures("home")
def test_without_recipients_the_reason_is_given() -> None:
    assert (
        no_recipients_message(merge())
        == "no message will be sent: set SLACK_WEBHOOK_URL; pip install 'tocsin[cli]' && tocsin check says more"
    )
    assert no_recipients_message(configured(slack__webhook_secret="TEAM_WEBHOOK")).startswith(
        "no message will be sent: set TEAM_WEBHOOK; "
    )
    assert no_recipients_message(configured(notifiers=[])) == "no message will be sent: notifiers is empty (option)"


def test_a_refused_file_of_secrets_is_reported(home: Home) -> None:
    home.own.mkdir(parents=True)
    (home.own / "secrets.toml").write_text("")
    (home.own / "secrets.toml").chmod(0o644)
    assert "others can read it: chmod 600" in no_recipients_message(merge())


def test_nothing_configured_is_the_default_interpreter() -> None:
    assert live(merge()) == Live()


def test_the_interpreter_is_as_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    times: dict[str, object] = {"connect_timeout": 1, "read_timeout": 2, "deadline": 3}
    ours = {f"{channel}__{name}": value for channel in ("slack", "gmail") for name, value in times.items()}
    config = configured(
        secrets__keyring=True, slack__allowed_hosts=["a.b"], slack__proxies={}, gmail__host="mail.b", gmail__port=25, **ours
    )
    assert live(config) == Live(
        Secrets(keyring=True),
        SlackWebhook(allowed_hosts=["a.b"], proxies={}, connect_timeout=1, read_timeout=2, deadline=3),
        Gmail(host="mail.b", port=25, connect_timeout=1, read_timeout=2, deadline=3),
    )


def test_a_bundle_is_trusted_and_a_bad_one_stops_messages_only(slack_server: SlackServer, ca_bundle: Path, tmp_path: Path) -> None:
    for bundle, outcome in (
        (ca_bundle, Delivered()),
        (tmp_path / "none.pem", Rejected(f"ca_bundle is refused: {tmp_path / 'none.pem'} cannot be read: No such file or directory")),
    ):
        config = configured(
            slack__ca_bundle=str(bundle), gmail__ca_bundle=str(bundle), slack__allowed_hosts=["127.0.0.1"], slack__proxies={}
        )
        sending = live(config)
        assert post(sending.slack, slack_server.url) == outcome
        assert sending.mail.ca_bundle == str(bundle)
        sending.slack.close()


def test_a_bundle_may_lie_at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    monkeypatch.setenv("USERPROFILE", "/home/me")
    assert live(configured(slack__ca_bundle="~/ca.pem")).slack.ca_bundle == "/home/me/ca.pem"
