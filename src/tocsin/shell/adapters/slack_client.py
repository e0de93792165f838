"""slack_sdk's client, over our own transport.

slack_sdk knows the calls of Slack's Web API and what they answer. What it does not do is keep a connection, end by a deadline, or stay
where it was sent: it follows redirects, and the token goes along. So its one public door to the wire, ``api_call``, is ours. It has
nothing else to do then: none of its tries, proxies and log lines; and it never learns the token.
"""

from collections.abc import Callable, Mapping
from json import dumps, loads
from typing import TypeGuard

from requests import Request
from slack_sdk.web.client import WebClient
from slack_sdk.web.slack_response import SlackResponse
from typing_extensions import override

from tocsin.core.outcomes import DeliveryError
from tocsin.shell.adapters.http import HEADERS, Transport, Wire, exchanged
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_webhook import SlackWebhook
from tocsin.shell.fork_safety import PerProcess

Call = Callable[["Client"], SlackResponse]
"""One call of the API."""


class Client(WebClient):
    """Calls the API at ``api`` over ``wire``, as the app with ``token``. What breaks on the way is raised."""

    def __init__(self, api: str, wire: Wire, token: Secret) -> None:
        self._wire, self._secret = wire, token
        # were no proxy named, it would look for one in the environment, and log it with its password; this one is never used
        super().__init__(base_url=api, proxy="ours", retry_handlers=[])

    @override
    def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        files: dict[str, object] | None = None,
        data: dict[str, object] | None = None,
        params: dict[str, object] | None = None,
        json: dict[str, object] | None = None,
        headers: dict[str, object] | None = None,
        auth: dict[str, object] | None = None,
    ) -> SlackResponse:
        """Post ``json`` to a method of the API: the calls that are made here give nothing else."""
        told = redact(dumps(json, ensure_ascii=False))  # an exception may well quote a secret
        url, body = f"{self.base_url}{api_method}", told.encode(errors="replace")
        request = Request(http_verb, url, headers={**HEADERS, "Authorization": f"Bearer {self._secret.reveal()}"}, data=body)
        with self._wire.send(request) as response:
            said: bytes = response.raw.read(decode_content=False)  # all of it, since it repeats the message; it is bounded below
            return SlackResponse(
                client=self,
                http_verb=http_verb,
                api_url=url,
                req_args={},
                data=_understood(said),
                headers=dict(response.headers.lower_items()),
                status_code=response.status_code,
            )


def called(
    network: SlackWebhook, kept: PerProcess[Transport], token: Secret, seconds: float, call: Call
) -> SlackResponse | DeliveryError:
    """What the API answers to a call that may take some seconds in all; or why it does not."""
    return exchanged(network, kept, network.api, seconds, lambda wire: call(Client(network.api, wire, token)))


def _understood(body: bytes) -> Mapping[str, object]:
    """The body, which should be an object in JSON; where it is none, an empty one."""
    try:
        said: object = loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if _is_object(said) else {}


def _is_object(said: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(said, dict)
