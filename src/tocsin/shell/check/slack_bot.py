"""The way of an app of Slack's: as a message goes, proxy and TLS included, but it only asks who it is. Nothing is posted."""

from collections.abc import Mapping

from slack_sdk.web.slack_response import SlackResponse

from tocsin.core.bot_replies import bot_reply
from tocsin.core.checkup.findings import Finding
from tocsin.core.checkup.remedies import Seen, finding
from tocsin.core.messages.text import cut, one_line
from tocsin.core.outcomes import DeliveryError
from tocsin.shell.adapters import SlackWebhook
from tocsin.shell.adapters.redaction import redact
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.adapters.slack_web import Client
from tocsin.shell.check.slack import Way, asked, off, way_to


def probed(network: SlackWebhook, token: Secret) -> tuple[Finding, ...]:
    """Whether Slack takes the token, and whose it is; and what is wrong with this machine's clock, if anything is."""
    way = way_to(network, network.api)
    found = asked(network, way, token.name, lambda wire: Client(network.api, wire, token).api_call("auth.test", json={}))
    if isinstance(found, Seen):
        return (finding(found),)
    if found is None:
        return (Finding(way.host, f"{way.reached}, but it does not answer", "try again later"),)
    return (_meant(found, way, token), *off(way, found.headers.get("date")))


def _meant(response: SlackResponse, way: Way, token: Secret) -> Finding:
    answer = {name: redact(said) if isinstance(said, str) else said for name, said in response.data.items()}
    outcome = bot_reply(response.status_code, answer)
    if isinstance(outcome, DeliveryError):
        return finding(Seen(outcome, way.host, token.name))
    who = f"{_word(answer, 'user')} in {_word(answer, 'team')}"
    return Finding(way.host, f"{way.reached}, its certificate is good, and the token is taken: it is that of {who}")


def _word(answer: Mapping[str, object], name: str) -> str:
    said = answer.get(name)
    return cut(one_line(said), 80) if isinstance(said, str) and said else "(it does not say)"
