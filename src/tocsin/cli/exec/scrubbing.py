"""``--scrub-env``: what a command's environment must not hold, since it says how to reach people.

The default secrets, those that the configuration names, and the one of ``--ping``, each also as the file that ``NAME_FILE`` names; and
the settings ``TOCSIN_...``, but for the two that say whether to send, and from where.
"""

from __future__ import annotations

from tocsin.cli.exec.saying import complain

TYPE_CHECKING = False

if TYPE_CHECKING:
    from collections.abc import Mapping

_DEFAULT = ("SLACK_WEBHOOK_URL", "EMAIL_USERNAME", "EMAIL_PASSWORD")
_KEPT = ("TOCSIN_NOTIFY", "TOCSIN_ENV")


def scrubbed(environment: Mapping[str, str], ping: str | None) -> dict[str, str]:
    """The environment without our secrets."""
    names = {*_DEFAULT, *_configured(), *([ping] if ping else [])}
    hidden = names | {f"{name}_FILE" for name in names}
    return {name: value for name, value in environment.items() if name not in hidden and not _ours(name)}


def _ours(name: str) -> bool:
    return name.startswith("TOCSIN_") and name not in _KEPT


def _configured() -> tuple[str, ...]:
    try:
        from tocsin.shell.config.names import secret_names

        return secret_names()
    except Exception as error:
        complain(f"--scrub-env hides the default secrets alone: {type(error).__name__}: {error}")
        return ()
