"""Where each secret comes from, and whether it can be what it should be. No value is shown, nor any part of one."""

import os
import re
from importlib.util import find_spec
from pathlib import Path

from tocsin.core.config.schema import Configuration
from tocsin.core.delivery.destinations import address_fault, webhook_fault
from tocsin.core.diagnosis import Finding, Seen, missing, no_bot_token, remedy
from tocsin.core.outcomes import Rejected
from tocsin.core.services.google_oauth import is_grant, read_grant
from tocsin.core.services.slack_api import token_fault
from tocsin.shell.adapters.secret_files import read_file, read_toml, secrets_file
from tocsin.shell.adapters.secrets import Secret
from tocsin.shell.config.defaults import PASSWORD, USERNAME, Channel, secrets

_APP_PASSWORD = re.compile(r"[a-z]{4}( ?[a-z]{4}){3}")


def inspect_secret(config: Configuration, name: str, *, needed: bool) -> Finding:
    """Whether a secret is set, and by whom. One that is not, and is not needed, is no fault."""
    found = secrets(config).find(name)
    if isinstance(found, Secret):
        return Finding(name, f"set, from {_whence(name)}")
    fault = missing(name, found.reason)
    return fault if needed or fault.what != "not set" else Finding(name, "not set")


def check_secrets(config: Configuration, channel: Channel) -> Finding | None:
    """What is wrong with the secrets of a channel, as far as can be seen from them alone."""
    known = secrets(config)
    if channel == "gmail":
        return _of_account(config, known.find(USERNAME), known.find(PASSWORD))
    if config.slack.token_secret is not None:
        return _of_token(known.find(config.slack.token_secret))
    return _of_webhook(config, known.find(config.slack.webhook_secret))


def _of_token(token: Secret | Rejected) -> Finding | None:
    if isinstance(token, Rejected):
        return None
    if token_fault(token.reveal()) is not None or not token.reveal().startswith("xoxb-"):
        return no_bot_token(token.name)
    return None if _is_installed("slack_sdk") else Finding(token.name, "it needs slack_sdk, to post as an app", _install("slack-bot"))


def _of_webhook(config: Configuration, url: Secret | Rejected) -> Finding | None:
    fault = None if isinstance(url, Rejected) else webhook_fault(url.reveal(), config.slack.allowed_hosts)
    if fault is None:
        return None
    name = config.slack.webhook_secret
    what = f"the webhook URL is refused: {fault.partition(';')[0]}"
    return Finding(name, what, remedy(Seen(Rejected(what), "Slack", name)))


def _of_account(config: Configuration, username: Secret | Rejected, password: Secret | Rejected) -> Finding | None:
    if isinstance(username, Secret) and address_fault(username.reveal()) is not None:
        return Finding(USERNAME, "this is no address", f"put the whole address of the account where {USERNAME} is")
    if isinstance(password, Secret) and is_grant(password.reveal()):
        return _of_grant(password)
    if isinstance(password, Rejected) or config.gmail.host != "smtp.gmail.com" or _APP_PASSWORD.fullmatch(password.reveal()):
        return None
    what = "this is no app password, which is 16 letters, and no JSON of Google's for the account; Gmail takes no other"
    return Finding(PASSWORD, what, remedy(Seen(Rejected("no app password"), config.gmail.host, PASSWORD)))


def _of_grant(password: Secret) -> Finding | None:
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
    except ModuleNotFoundError:  # of the package around it
        return False


def _install(extra: str) -> str:
    return f"pip install 'tocsin[{extra}]'"


def _whence(name: str) -> str:
    """The first place that has the secret, which one of them does."""
    if os.environ.get(name, "").strip():
        return f"environment variable {name}"
    path = os.environ.get(f"{name}_FILE")
    if path and str(read_file(Path(path), name, "it")).strip():
        return f"the file that {name}_FILE names"
    kept = read_toml(secrets_file(), name)
    return f"{secrets_file()}" if isinstance(kept, str) and kept.strip() else "the keyring"
