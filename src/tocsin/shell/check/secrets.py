"""Checks secrets without a connection: where each one comes from, and whether it has the right form. No part of a value is shown."""

import os
import re
from importlib.util import find_spec
from pathlib import Path

from tocsin.core.config.schema import PASSWORD, USERNAME, Configuration
from tocsin.core.delivery.destinations import QUOTED, address_fault, webhook_fault
from tocsin.core.diagnosis import Finding, Seen, missing, no_bot_token, quoted, remedy
from tocsin.core.outcomes import Rejected
from tocsin.core.services.google import is_google, is_grant, read_grant
from tocsin.core.services.slack_api import token_fault
from tocsin.core.text import is_quoted
from tocsin.shell.adapters.secret_files import read_file, read_user_file, secrets_file
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.config.defaults import Channel, secrets

_APP_PASSWORD = re.compile(r"[a-z]{4}( ?[a-z]{4}){3}")


def inspect_secret(config: Configuration, name: str, *, needed: bool) -> Finding:
    """Say whether a secret is set, and by which source. A missing secret that is not needed is not a fault."""
    found = secrets(config).find(name)
    if isinstance(found, Secret):
        return Finding(name, f"set, from {_source(name)}")
    fault = missing(name, found.reason)
    return fault if needed or fault.what != "not set" else Finding(name, "not set")


def check_secrets(config: Configuration, channel: Channel) -> Finding | None:
    """Return what is wrong with the form of a channel's secrets, if anything is."""
    known = secrets(config)
    if channel == "gmail":
        return _check_account(config, known.find(USERNAME), known.find(PASSWORD))
    if config.slack.token_secret is not None:
        return _check_token(known.find(config.slack.token_secret))
    return _check_webhook(config, known.find(config.slack.webhook_secret))


def _check_token(token: Secret | Rejected) -> Finding | None:
    if isinstance(token, Rejected):
        return None
    if is_quoted(token.reveal()):
        return quoted(token.name)
    if token_fault(token.reveal()) is not None or not token.reveal().startswith("xoxb-"):
        return no_bot_token(token.name)
    return None if _is_installed("slack_sdk") else Finding(token.name, "it needs slack_sdk, to post as an app", _install("slack-bot"))


def _check_webhook(config: Configuration, url: Secret | Rejected) -> Finding | None:
    fault = None if isinstance(url, Rejected) else webhook_fault(url.reveal(), config.slack.allowed_hosts)
    if fault is None:
        return None
    name = config.slack.webhook_secret
    if fault == QUOTED:
        return quoted(name)
    what = f"the webhook URL is refused: {fault.partition(';')[0]}"
    return Finding(name, what, remedy(Seen(Rejected(what), "Slack", name)))


def _check_account(config: Configuration, username: Secret | Rejected, password: Secret | Rejected) -> Finding | None:
    if isinstance(username, Secret) and is_quoted(username.reveal()):
        return quoted(USERNAME)
    if isinstance(username, Secret) and address_fault(username.reveal()) is not None:
        return Finding(USERNAME, "this is not an address", f"put the whole address of the account where {USERNAME} is")
    if isinstance(password, Secret) and is_grant(password.reveal()):
        return _check_grant(password)
    if isinstance(password, Secret) and is_google(config.gmail.host) and is_quoted(password.reveal()):
        return quoted(PASSWORD)
    if isinstance(password, Rejected) or not is_google(config.gmail.host) or _APP_PASSWORD.fullmatch(password.reveal()):
        return None
    what = "this is neither an app password, which is 16 letters, nor a JSON file from Google for the account; Gmail takes no other"
    return Finding(PASSWORD, what, remedy(Seen(Rejected("no app password"), config.gmail.host, PASSWORD)))


def _check_grant(password: Secret) -> Finding | None:
    grant = read_grant(password.reveal())
    if isinstance(grant, str):
        what, _, act = grant.partition(": ")
        return Finding(password.name, f"the JSON is refused: {what}", act)
    if _is_installed("google.auth"):
        return None
    return Finding(password.name, "it holds OAuth credentials, which need google-auth", _install("gmail-oauth"))


def _is_installed(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # the parent package is missing
        return False


def _install(extra: str) -> str:
    return f"pip install 'tocsin[{extra}]'"


def _source(name: str) -> str:
    """Return the first source that has the secret; one of them must have it."""
    if os.environ.get(name, "").strip():
        return f"environment variable {name}"
    path = os.environ.get(f"{name}_FILE")
    if path and str(read_file(Path(path), name, "it")).strip():
        return f"the file that {name}_FILE names"
    value = read_user_file(name)
    return f"{secrets_file()}" if isinstance(value, str) and value.strip() else "the keyring"
