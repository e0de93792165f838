"""slack_sdk's Web API client over our own transport.

- slack_sdk provides the calls of the Web API and their responses.
- ``api_call``, its one public method that sends a request, is overridden: slack_sdk keeps no connection, has no deadline, and follows
  redirects with the token.
- So slack_sdk's retries, proxies and log lines are never used, and it never learns the token.
"""

from collections.abc import Callable, Mapping
from json import dumps, loads
from typing import TypeGuard
from urllib.parse import urlencode

from requests import Request
from slack_sdk.web.client import WebClient
from slack_sdk.web.slack_response import SlackResponse
from typing_extensions import override

from tocsin.shell.adapters.http import HEADERS, RequestSender
from tocsin.shell.adapters.secrets import Secret

ApiCall = Callable[["Client"], SlackResponse]
"""One call of the API."""


class Client(WebClient):
    """Calls the API at ``api`` by ``sender``, as the app with ``token``. Raises on a failure of the connection."""

    def __init__(self, api: str, sender: RequestSender, token: Secret) -> None:
        self._sender, self._secret = sender, token
        # without a proxy, slack_sdk would read one from the environment and log it with its password; this one is never used
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
        """Post ``json`` to a method of the API, or ``params`` as a form. The calls that tocsin makes use no other argument."""
        url, own = f"{self.base_url}{api_method}", {**HEADERS, "Authorization": f"Bearer {self._secret.reveal()}"}
        if params is None:
            body = dumps(json, ensure_ascii=False).encode(errors="replace")
        else:
            given = {name: value for name, value in params.items() if value is not None}
            body, own["Content-Type"] = urlencode(given, errors="replace").encode(), "application/x-www-form-urlencoded; charset=utf-8"
        request = Request(http_verb, url, headers=own, data=body)
        with self._sender.send(request) as response:
            answer: bytes = response.raw.read(decode_content=False)  # it repeats the message, so all is read; ``Attempt`` bounds it
            return SlackResponse(
                client=self,
                http_verb=http_verb,
                api_url=url,
                req_args={},
                data=_parse(answer),
                headers=dict(response.headers.lower_items()),
                status_code=response.status_code,
            )


def _parse(body: bytes) -> Mapping[str, object]:
    """Parse the body as a JSON object; return an empty mapping if it is not one."""
    try:
        value: object = loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if _is_object(value) else {}


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    return isinstance(value, dict)
