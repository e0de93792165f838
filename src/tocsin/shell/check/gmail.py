"""The way to Gmail: TLS, the login, and goodbye. No mail is begun. A login by an access token asks for one first."""

from tocsin.core.checkup.findings import Finding
from tocsin.core.checkup.remedies import Seen, finding
from tocsin.core.outcomes import DeliveryError, Rejected
from tocsin.shell.adapters import Gmail, SystemClock, smtp, tls
from tocsin.shell.adapters.deadline import Attempt, attempting
from tocsin.shell.adapters.oauth import Tokens, Way
from tocsin.shell.adapters.smtp import Account
from tocsin.shell.config.defaults import PASSWORD


def probed(gmail: Gmail, account: Account) -> Finding:
    """Whether the account can log in."""
    context = tls.context(gmail.ca_bundle)
    if isinstance(context, Rejected):
        return finding(Seen(context, gmail.host, PASSWORD))
    attempt = Attempt(gmail.host, gmail.deadline, gmail.connect_timeout)
    try:
        with attempting(attempt):
            smtp.connected(Way(gmail, context, attempt), Tokens(), account).close()
    except smtp.Refused as refusal:
        return finding(_seen(gmail, attempt, refusal.error, refusal.code))
    except (OSError, ValueError) as error:
        return finding(_seen(gmail, attempt, attempt.failure(error), None))
    return Finding(gmail.host, "reached, its certificate is good, and the login is accepted")


def _seen(gmail: Gmail, attempt: Attempt, error: DeliveryError, code: int | None) -> Seen:
    return Seen(error, gmail.host, PASSWORD, attempt.untrusted, code, None, SystemClock().now())
