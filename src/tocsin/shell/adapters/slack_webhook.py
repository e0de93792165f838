"""Posts to Slack by an incoming webhook or as a Slack app.

- The secret is the URL of the webhook, or the token of the app.
- The secret is sent only to Slack's two hosts and to hosts that were allowed explicitly, over verified TLS.
- A request is never redirected, and carries no cookies, no ``.netrc`` login and no other state of the machine.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import attrs

from tocsin.core.delivery.destinations import webhook_fault
from tocsin.core.effects import Bot, PostToSlack
from tocsin.core.messages.slack import SlackMessage
from tocsin.core.outcomes import DeliveryError, Receipt, Rejected
from tocsin.core.services.slack_api import api_fault
from tocsin.shell import redaction
from tocsin.shell.adapters import settings
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.thread_cache import ThreadCache
from tocsin.shell.fork_safety import PerProcess

if TYPE_CHECKING:
    from tocsin.shell.adapters.http import Transport


_API = "https://slack.com/api/"
_fault = lru_cache(maxsize=64)(webhook_fault)  # parses the URL several times


def _api(slack: "SlackWebhook", attribute: "attrs.Attribute[str]", value: str) -> None:
    """Validate the API's URL: a token is sent to Slack, or to an allowed host."""
    problem = None if value == _API else api_fault(value, slack.allowed_hosts)
    if problem is not None:
        raise ValueError(f"{attribute.name} is refused: {problem}")


@attrs.frozen(kw_only=True, field_transformer=settings.first("allowed_hosts"))
class SlackWebhook(settings.HttpSettings):
    """Posts messages to incoming webhooks, or as an app, over connections that stay open. It is thread-safe.

    Args:
        allowed_hosts: hosts, besides Slack's own, that a webhook or ``api`` may lead to, on any port.
        ca_bundle: a file with the only CA certificates to trust, in PEM form. None: the file in REQUESTS_CA_BUNDLE or SSL_CERT_FILE,
            else the system's certificates.
        connect_timeout: the limit for connecting to one address, in seconds.
        read_timeout: the limit for each silence of Slack, in seconds.
        deadline: the limit for one message as a whole, in seconds.
        proxies: proxy URLs by scheme, as requests takes them (``{"https": "http://proxy:3128"}``). None: the proxies of the
            environment. {}: no proxy. SOCKS is not supported.
        api: the URL of Slack's Web API, which an app posts to; ``"https://slack-gov.com/api/"`` for GovSlack.

    Raises:
        ValueError: a setting is invalid.
    """

    allowed_hosts: tuple[str, ...] = attrs.field(default=(), converter=settings.allowed_hosts)
    api: str = attrs.field(default=_API, validator=_api)
    _kept: "PerProcess[Transport]" = attrs.field(init=False, factory=PerProcess["Transport"], eq=False, repr=False)
    _threads: ThreadCache = attrs.field(init=False, factory=ThreadCache, eq=False, repr=False)

    def post(self, url: Secret, payload: SlackMessage) -> Receipt | DeliveryError:
        """Post ``payload`` to the webhook ``url``. Return Delivered or the error; a failure is never raised."""
        return redaction.clean(redaction.contained(lambda: self._post(url, payload)))

    def speak(self, token: Secret, bot: Bot, message: PostToSlack) -> Receipt | DeliveryError:
        """Post ``message`` as the app with ``token`` in ``bot``'s channel: as the first of its run, or in the run's thread."""
        return redaction.clean(redaction.contained(lambda: self._speak(token, bot, message)))

    def close(self) -> None:
        """Close the connections. The next message opens a new one."""
        self._kept.close()

    def _post(self, url: Secret, payload: SlackMessage) -> Receipt | DeliveryError:
        redaction.guard_logs()
        fault = _fault(url.reveal(), self.allowed_hosts)
        if fault is not None:
            return Rejected(f"the webhook URL in the secret {url.name!r} is refused: {fault}")
        from tocsin.shell.adapters import http

        return http.post(self, self._kept, url, payload.to_json().encode(errors="replace"))

    def _speak(self, token: Secret, bot: Bot, message: PostToSlack) -> Receipt | DeliveryError:
        redaction.guard_logs()
        from tocsin.shell.adapters import slack_app

        to = slack_app.AppConnection(self, self.api, self.allowed_hosts, self._kept, self._threads)
        return slack_app.post_as_app(to, token, bot, message)
