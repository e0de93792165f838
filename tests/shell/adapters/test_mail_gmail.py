"""Mail through Gmail: its outcome at each stage, and the state of the connection afterwards."""

import smtplib
import ssl
import threading
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from tests.servers.gmail import DROP, GmailServer, Received
from tests.shell.adapters.examples import KEY, MAIL, account, send, sent
from tocsin.core.delivery.destinations import QUOTED
from tocsin.core.outcomes import Ambiguous, Delivered, DestinationDead, Rejected, Retryable
from tocsin.shell.adapters.mail_gmail import Gmail
from tocsin.shell.adapters.mail_mime import mime
from tocsin.shell.adapters.secrets import Secret

TO_TWO = attrs.evolve(MAIL, recipients=("one@example.com", "two@example.com"))


def test_a_mail_arrives_whole(gmail_server: GmailServer, ca_bundle: Path) -> None:
    mail = attrs.evolve(MAIL, plain=".\n..\n.dots\nend", cc=("cc@example.com", gmail_server.username))
    assert sent(gmail_server, ca_bundle, mail) == Delivered()
    content = mime(mail, KEY, gmail_server.username)
    assert gmail_server.mails == [Received(gmail_server.username, (gmail_server.username, "cc@example.com"), content)]


def test_one_login_serves_many_mails_and_fifty_at_most(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    assert [send(gmail, gmail_server) for _ in range(51)] == [Delivered()] * 51
    assert gmail_server.connections == gmail_server.logins == 2
    gmail.close()
    gmail.close()


def test_threads_may_share_an_account(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    threads = [threading.Thread(target=send, args=(gmail, gmail_server)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(gmail_server.mails), gmail_server.logins) == (8, 1)
    gmail.close()


def test_another_login_is_another_connection(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    assert send(gmail, gmail_server) == Delivered()
    gmail_server.password = "anotherapppasswd"
    assert send(gmail, gmail_server) == Delivered()
    assert gmail_server.logins == 2
    gmail.close()


def test_the_end_of_the_connection_does_not_matter(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script["QUIT"] = "500 I will not"
    assert sent(gmail_server, ca_bundle) == Delivered()


@pytest.mark.parametrize("dropped", ["421 4.7.0 idle for too long", DROP])
def test_a_kept_connection_that_is_gone_is_opened_anew(dropped: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    send(gmail, gmail_server)
    gmail_server.once["MAIL"] = dropped
    assert send(gmail, gmail_server) == Delivered()
    assert (len(gmail_server.mails), gmail_server.connections) == (2, 2)
    gmail.close()


def test_it_is_opened_anew_once(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    send(gmail, gmail_server)
    gmail_server.script["MAIL"] = DROP
    assert isinstance(send(gmail, gmail_server), Retryable)
    assert gmail_server.connections == 2


def test_closing_a_connection_that_is_gone(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    send(gmail, gmail_server)
    gmail_server.hang_up()
    gmail.close()
    assert send(gmail, gmail_server) == Delivered()
    gmail.close()


@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "DATA-END"])
def test_a_refusal_leaves_the_connection_in_order(stage: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    send(gmail, gmail_server)
    gmail_server.script[stage] = "552 5.3.4 too big"
    assert send(gmail, gmail_server) == Rejected("127.0.0.1 refused the mail: 552 5.3.4 too big")
    gmail_server.script.clear()
    assert send(gmail, gmail_server) == Delivered()
    assert gmail_server.connections == 1
    gmail.close()


@pytest.mark.parametrize(("stage", "reply"), [("RSET", "500 what"), ("RSET", DROP), ("DATA-END", "421 4.3.0 later")])
def test_a_refusal_may_cost_the_connection(stage: str, reply: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    gmail_server.script = {"DATA-END": "452 4.2.2 full", stage: reply}
    assert isinstance(send(gmail, gmail_server), Retryable)
    gmail_server.script.clear()
    assert send(gmail, gmail_server) == Delivered()
    assert gmail_server.connections == 2
    gmail.close()


def test_refused_recipients_are_listed(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script["RCPT two@example.com"] = "550 5.1.1 no such user"
    assert sent(gmail_server, ca_bundle, TO_TWO) == Delivered(refused=("two@example.com",))
    assert gmail_server.mails[0].recipients == ("one@example.com",)


def test_each_refused_recipient_has_its_reason_without_a_secret(gmail_server: GmailServer, ca_bundle: Path) -> None:
    to = ("one@example.com", "two@example.com", "three@example.com")
    gmail_server.script["RCPT two@example.com"] = "450 4.2.1 come back later"
    gmail_server.script["RCPT three@example.com"] = f"550 5.1.1 who is\x1b[1m {gmail_server.password}?"
    outcome = sent(gmail_server, ca_bundle, attrs.evolve(MAIL, recipients=to))
    assert isinstance(outcome, Delivered)
    assert outcome == Delivered(refused=to[1:])
    assert outcome.errors == (
        Retryable("127.0.0.1 asks for another try: 450 4.2.1 come back later"),
        Rejected("127.0.0.1 refused the mail: 550 5.1.1 who is [EMAIL_PASSWORD]?"),
    )
    assert outcome.later == ("two@example.com",)


@pytest.mark.parametrize("for_now", ["one", "two"])
def test_a_mail_is_not_rejected_if_one_recipient_was_refused_for_now(for_now: str, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script = {"RCPT": "550 5.1.1 no such user", f"RCPT {for_now}@example.com": "450 4.2.1 come back later"}
    assert sent(gmail_server, ca_bundle, TO_TWO) == Retryable("127.0.0.1 asks for another try: 450 4.2.1 come back later")


def test_all_recipients_refused_is_no_delivery(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script["RCPT"] = "550 5.1.1 no such user"
    assert sent(gmail_server, ca_bundle, TO_TWO) == Rejected("127.0.0.1 refused the mail: 550 5.1.1 no such user")
    assert gmail_server.mails == []


@pytest.mark.parametrize(
    ("stage", "reply", "outcome"),
    [
        ("GREETING", "421 4.7.0 later", Retryable("127.0.0.1 asks for another try: 421 4.7.0 later")),
        ("GREETING", "<html>\x1b[31m", Retryable("127.0.0.1 answered with what is neither acceptance nor refusal: …l>")),
        ("EHLO", "502 5.5.1 no", Rejected("127.0.0.1 refused the mail: 502 5.5.1 no")),
        (
            "AUTH",
            "454 4.7.0 Too many login attempts",
            Retryable(
                "127.0.0.1 cannot check the login now (this is not a bad password): 454 4.7.0 Too many login attempts",
                timedelta(minutes=10),
            ),
        ),
        (
            "DATA-END",
            "550 5.4.5 Daily limit",  # of Google's alone
            Rejected("127.0.0.1 refused the mail: 550 5.4.5 Daily limit"),
        ),
        ("DATA", DROP, Retryable("127.0.0.1 closed the connection")),
        (
            "DATA-END",
            DROP,
            Ambiguous("127.0.0.1 closed the connection, after the message went out: it may have arrived"),
        ),
    ],
)
def test_an_answer_is_believed(stage: str, reply: str, outcome: object, gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script[stage] = reply
    assert sent(gmail_server, ca_bundle) == outcome
    assert gmail_server.mails == []


def test_dropped_while_the_text_goes_out_is_no_delivery(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail_server.script["BODY"] = DROP
    outcome = sent(gmail_server, ca_bundle, attrs.evolve(MAIL, plain="x" * 12_000_000))
    assert isinstance(outcome, Retryable)
    assert outcome.reason.startswith("127.0.0.1 closed the connection")


def test_a_wrong_password_needs_a_person(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    outcome = gmail.send(Secret("EMAIL_USERNAME", gmail_server.username), Secret("EMAIL_PASSWORD", "qzxv-jkwy"), MAIL, KEY)
    said = "(it says: 535 5.7.8 Username and Password not accepted)"
    assert outcome == DestinationDead(f"127.0.0.1 refused the login: correct EMAIL_USERNAME or EMAIL_PASSWORD {said}")
    assert gmail_server.logins == 1  # once is enough


@pytest.mark.parametrize(
    ("username", "password", "recipients", "why"),
    [
        ("ops", "x", None, "the user name in the secret 'N' is refused: it is not an address like name@example.com"),
        ('"o@x.y"', "x", None, f"the user name in the secret 'N' is refused: {QUOTED}"),
        ("o@x.y", "pass\nword", None, "the password in the secret 'P' holds unprintable characters"),
        ("o@x.y", "x", (), "the mail names no recipient"),
        (
            "o@x.y",
            "x",
            ("a@b.c", "a@b.c>\r\nDATA"),
            "the recipient 'a@b.c>\\r\\nDATA' is refused: it is not an address like name@example.com",
        ),
    ],
)
def test_what_cannot_be_sent_opens_nothing(username: str, password: str, recipients: tuple[str, ...] | None, why: str) -> None:
    mail = attrs.evolve(MAIL, recipients=recipients)
    assert Gmail(host="nowhere.invalid").send(Secret("N", username), Secret("P", password), mail, KEY) == Rejected(why)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("pässword", "the password in the secret 'P' is not an app password, which is 16 letters"),
        ("'abcd efgh ijkl mnop'", f"the password in the secret 'P' is refused: {QUOTED}"),
    ],
)
def test_a_password_that_google_does_not_give_opens_nothing(password: str, why: str) -> None:
    assert Gmail().send(Secret("N", "o@x.y"), Secret("P", password), MAIL, KEY) == Rejected(why)


def test_an_account_that_is_dropped_closes_its_connection(gmail_server: GmailServer, ca_bundle: Path) -> None:
    gmail = account(gmail_server, ca_bundle)
    send(gmail, gmail_server)
    del gmail  # a socket left open would be a ResourceWarning, which is an error here
    gmail_server.hang_up()


def test_the_server_knows_its_commands_and_a_mail_cut_short(gmail_server: GmailServer, ca_bundle: Path) -> None:
    context = ssl.create_default_context(cafile=ca_bundle)
    with smtplib.SMTP_SSL("127.0.0.1", gmail_server.port, local_hostname="localhost", timeout=5, context=context) as client:
        assert client.noop()[0] == 250
        assert client.docmd("HELP")[0] == 500
        client.ehlo()
        client.mail("a@b.c")
        client.rcpt("a@b.c")
        client.docmd("DATA")
        client.send(b"cut sho")
        client.close()
    gmail_server.hang_up()
    assert gmail_server.mails == []


def test_the_default_is_gmail() -> None:
    assert repr(Gmail()) == (
        "Gmail(host='smtp.gmail.com', port=465, ca_bundle=None, connect_timeout=5.0, read_timeout=10.0, deadline=30.0, token_hosts=())"
    )
