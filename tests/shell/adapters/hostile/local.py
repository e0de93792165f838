"""What keeps a message from being sent before a connection is opened, and its outcome."""

from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import pytest

from tests.shell.adapters.examples import KEY, MAIL, MESSAGE
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.outcomes import Outcome
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.secrets import Secret, Secrets
from tocsin.shell.adapters.slack_webhook import SlackWebhook

NOWHERE = "nowhere.invalid"
_URL = "https://hooks.slack.com/services/T000/B000/CANARYaRe9kQpLz"


def _posting(url: str, proxies: Mapping[str, str] | None = None) -> Callable[[], Outcome]:
    return lambda: SlackWebhook(proxies=proxies).post(Secret("SLACK_WEBHOOK_URL", url), MESSAGE)


def _speaking(token: str) -> Callable[[], Outcome]:
    bot = Bot("SLACK_BOT_TOKEN", "#ops")
    message = PostToSlack("SLACK_WEBHOOK_URL", MESSAGE, KEY, bot)
    return lambda: SlackWebhook().speak(Secret("SLACK_BOT_TOKEN", token), bot, message)


def _mailing(username: str, password: str, *recipients: str, host: str = "smtp.gmail.com") -> Callable[[], Outcome]:
    mail = attrs.evolve(MAIL, recipients=recipients)
    return lambda: Gmail(host=host).send(Secret("EMAIL_USERNAME", username), Secret("EMAIL_PASSWORD", password), mail, KEY)


def _with_bundle(path: str) -> Callable[[], Outcome]:
    def send() -> Outcome:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("SSL_CERT_FILE", path)
            patch.delenv("REQUESTS_CA_BUNDLE", raising=False)
            return _posting(_URL)()

    return send


def _finding() -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CONFIG_HOME", "/nowhere")
        patch.delenv("SLACK_WEBHOOK_URL", raising=False)
        found = Secrets({}).find("SLACK_WEBHOOK_URL")
    assert not isinstance(found, Secret)
    return found


ME = "ops@example.com"
LOCAL: Mapping[str, tuple[str, Callable[[], Outcome]]] = {
    "`SLACK_WEBHOOK_URL` is not set": ("SLACK_WEBHOOK_URL", _finding),
    "the webhook is `http://...`": ("SLACK_WEBHOOK_URL", _posting("http://hooks.slack.com/services/T/B/x")),
    "the webhook stands in quotation marks": ("SLACK_WEBHOOK_URL", _posting(f'"{_URL}"')),
    "the webhook leads to another host": ("SLACK_WEBHOOK_URL", _posting("https://example.com/services/T/B/x")),
    "the webhook has no path": ("SLACK_WEBHOOK_URL", _posting("https://hooks.slack.com")),
    "the webhook starts a workflow": ("SLACK_WEBHOOK_URL", _posting("https://hooks.slack.com/services/../%74riggers/T/1/x")),
    "the webhook holds a blank": ("SLACK_WEBHOOK_URL", _posting(f"{_URL} x")),
    "the webhook holds a login": ("SLACK_WEBHOOK_URL", _posting("https://me:you@hooks.slack.com/services/T/B/x")),
    "the webhook is `https://[`": ("SLACK_WEBHOOK_URL", _posting("https://[")),
    "the proxy is `socks5://...`": ("SLACK_WEBHOOK_URL", _posting(_URL, {"https": "socks5://proxy:1080"})),
    "the proxy is `http://`": ("SLACK_WEBHOOK_URL", _posting(_URL, {"https": "http://"})),
    "the proxy stands in quotation marks": ("SLACK_WEBHOOK_URL", _posting(_URL, {"https": "'http://proxy:3128'"})),
    "`SSL_CERT_FILE` names no file": ("SLACK_WEBHOOK_URL", _with_bundle("/nowhere/ca.pem")),
    "`SSL_CERT_FILE` names what is no certificate": ("SLACK_WEBHOOK_URL", _with_bundle(str(Path(__file__)))),
    "`SSL_CERT_FILE` stands in quotation marks": ("SLACK_WEBHOOK_URL", _with_bundle("'/etc/ssl/ca.pem'")),
    "the bot token is a webhook's URL": ("SLACK_BOT_TOKEN", _speaking(_URL)),
    "the bot token stands in quotation marks": ("SLACK_BOT_TOKEN", _speaking("'xoxb-1234-5678'")),
    "the user name is no address": ("EMAIL_USERNAME", _mailing("ops", "x", ME)),
    "the user name stands in quotation marks": ("EMAIL_USERNAME", _mailing(f'"{ME}"', "x", ME)),
    "the password for Gmail has an umlaut": ("EMAIL_PASSWORD", _mailing(ME, "pässword", ME)),
    "the password for Gmail stands in quotation marks": ("EMAIL_PASSWORD", _mailing(ME, "'abcd efgh ijkl mnop'", ME)),
    "the password has a line break": ("EMAIL_PASSWORD", _mailing(ME, "pass\nword", ME, host=NOWHERE)),
    "the mail has no recipient": ("EMAIL_USERNAME", _mailing(ME, "x")),
    "a recipient is no address": ("EMAIL_USERNAME", _mailing(ME, "x", "nobody")),
    "the password is `{}`": ("EMAIL_PASSWORD", _mailing(ME, "{}", ME)),
    "the password is the file of an OAuth client": ("EMAIL_PASSWORD", _mailing(ME, '{"installed": {}}', ME)),
    "the service account's key is none": (
        "EMAIL_PASSWORD",
        _mailing(ME, '{"type": "service_account", "client_email": "a@b.c", "private_key": "none"}', ME),
    ),
}
"""The outcome, by its cause, and the name of the secret that is concerned."""
