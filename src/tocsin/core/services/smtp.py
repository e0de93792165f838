"""The replies of Gmail's SMTP server, classified as outcomes.

Source: Gmail's page of SMTP errors and codes.
"""

from datetime import timedelta

from tocsin.core.outcomes import DeliveryError, DestinationDead, Rejected, Retryable
from tocsin.core.text import cut, one_line


def smtp_reply(code: int, text: str) -> DeliveryError:
    """Classify a refusal by Gmail's SMTP server.

    Args:
        code: the reply code.
        text: the text after it.

    >>> smtp_reply(535, "5.7.8 Username and Password not accepted").reason
    'Gmail refused the login (535): an app password is needed, see https://support.google.com/accounts/answer/185833'
    """
    reply = f"{code} {cut(one_line(text), 160)}"
    if code in {534, 535}:
        return DestinationDead(
            f"Gmail refused the login ({code}): an app password is needed, see https://support.google.com/accounts/answer/185833"
        )
    if code == 454:
        return Retryable(f"Gmail has had too many logins (this is not a bad password): {reply}", timedelta(minutes=10))
    if code == 550 and "5.4.5" in text:
        return Retryable(f"the account has sent all it may send today: {reply}", timedelta(hours=4))
    if 400 <= code < 500:
        return Retryable(f"Gmail asks for another try: {reply}")
    return Rejected(f"Gmail refused the mail: {reply}")
