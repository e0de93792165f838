"""Slack's incoming webhooks, and apps of Slack's: one message, one POST, one answer.

The webhook's URL is the secret itself, or else the app's token. It goes to Slack's two hosts and to hosts that were allowed expressly,
over verified TLS, is never redirected, and no cookie, ``.netrc`` or other habit of the machine goes with it.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import attrs

from tocsin.core.delivery.destinations import webhook_fault
from tocsin.core.effects import Bot, PostToSlack, SlackMessage
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.services.slack_api import api_fault
from tocsin.shell.adapters import redaction, settings
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.thread_cache import ThreadCache
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.http import Transport


_API = "https://slack.com/api/"


def _kept() -> "PerProcess[Transport]":
    return PerProcess()


def _api(slack: "SlackWebhook", attribute: "attrs.Attribute[str]", value: str) -> None:
    """A token goes to Slack, or where it is allowed to go."""
    fault = None if value == _API else api_fault(value, slack.allowed_hosts)
    if fault is not None:
        raise ValueError(f"{attribute.name} is refused: {fault}")


@attrs.frozen(kw_only=True)
class SlackWebhook:
    """Posts messages to incoming webhooks, or as an app, over connections that it keeps. Any thread may use it.

    Args:
        allowed_hosts: hosts that a webhook, or ``api``, may lead to besides Slack's own; any port of theirs.
        ca_bundle: a file with the only CA certificates to trust, in PEM form; None: those of the file in REQUESTS_CA_BUNDLE
            or SSL_CERT_FILE, else the system's.
        connect_timeout: how long connecting to one address may take, in seconds.
        read_timeout: how long Slack may be silent, in seconds.
        deadline: how long a message may take in all, in seconds.
        proxies: proxy URLs by scheme, as requests takes them (``{"https": "http://proxy:3128"}``); None: as the environment
            says; {}: none. SOCKS is not supported.
        api: where Slack's Web API is, which an app posts by; ``"https://slack-gov.com/api/"`` for GovSlack.

    Raises:
        ValueError: a setting makes no sense.
    """

    allowed_hosts: tuple[str, ...] = attrs.field(default=(), converter=settings.hosts)
    ca_bundle: str | None = attrs.field(default=None, converter=settings.path, validator=settings.bundle)
    connect_timeout: float = attrs.field(default=5.0, validator=settings.seconds)
    read_timeout: float = attrs.field(default=10.0, validator=settings.seconds)
    deadline: float = attrs.field(default=30.0, validator=settings.seconds)
    proxies: Mapping[str, str] | None = attrs.field(default=None, converter=settings.copied, repr=settings.without_logins, hash=False)
    api: str = attrs.field(default=_API, validator=_api)
    _kept: "PerProcess[Transport]" = attrs.field(init=False, factory=_kept, eq=False, repr=False)
    _conversations: ThreadCache = attrs.field(init=False, factory=ThreadCache, eq=False, repr=False)

    def post(self, url: Secret, payload: SlackMessage) -> Receipt | DeliveryError:
        """Post ``payload`` to the webhook ``url``: Delivered, or why not. Raises nothing for a message that was not."""
        return redaction.clean(redaction.contained(lambda: self._post(url, payload)))

    def speak(self, token: Secret, bot: Bot, message: PostToSlack) -> Receipt | DeliveryError:
        """Say ``message`` as the app with ``token``, in ``bot``'s channel, as the first of its run or in the thread of that one."""
        return redaction.clean(redaction.contained(lambda: self._speak(token, bot, message)))

    def close(self) -> None:
        """Close the connections. The next message opens new ones."""
        self._kept.close()

    def _post(self, url: Secret, payload: SlackMessage) -> Receipt | DeliveryError:
        redaction.guard_logs()
        fault = webhook_fault(url.reveal(), self.allowed_hosts)
        if fault is not None:
            return Rejected(f"the webhook URL in the secret {url.name!r} is refused: {fault}")
        from tocsin.shell.adapters import http

        said = redaction.redact(payload.to_json())  # an exception may well quote a secret
        return http.post(self, self._kept, url, said.encode(errors="replace"))

    def _speak(self, token: Secret, bot: Bot, message: PostToSlack) -> Receipt | DeliveryError:
        redaction.guard_logs()
        from tocsin.shell.adapters import slack_app

        return slack_app.speak(slack_app.AppConnection(self, self._kept, self._conversations), token, bot, message)
