"""Faults of a connection before the first byte of HTTP or SMTP."""

from tests.servers.hostile import (
    NOISE,
    Prepare,
    behind_a_hanging_address,
    busy,
    closed_port,
    drips,
    mute,
    plain,
    raw,
    rude,
    says,
    self_signed,
)
from tests.shell.adapters.hostile.row import Channel, Row
from tocsin.core.outcomes import Delivered, Rejected, Retryable

_HEAD = b"\x16\x03\x03\x3f\xff"  # the head of a TLS record of 16 kB

_CERTIFICATES = {
    "signed by itself": raw(rude, self_signed),
    "for another host": raw(rude, lambda authority: authority.wrong_host),
    "that has expired": raw(rude, lambda authority: authority.expired),
}
_FOREIGN = {
    "noise": raw(says(NOISE), plain),
    "HTTP": raw(says(b"HTTP/1.1 400 Bad Request\r\n\r\n"), plain),
    "SMTP": raw(says(b"220 ready\r\n"), plain),
    "SMTP, and refuses this machine": raw(says(b"554 5.7.1 not from there\r\n"), plain),
    "SMTP in pieces": raw(drips(b"220 mail.example.com ESMTP\r\n"), plain),
}
_FULL = {"`421 too many connections` in plain text": raw(says(b"421 too many connections\r\n"), plain)}
_OTHER_TLS = {
    "TLS 1.1 and nothing newer": raw(rude, lambda authority: authority.old),
    "a cipher of its own": raw(rude, lambda authority: authority.odd),
}
_GONE = {"on a connection": raw(rude, plain), "in the middle of its TLS handshake": raw(says(_HEAD), plain)}


def transport(channel: Channel, well: Prepare) -> tuple[Row, ...]:
    """Return the rows for ``channel``; ``well`` is a server that accepts its messages."""
    return (
        Row(channel, "takes no connection:", Retryable, {"no process listens": closed_port, "its queue is full": busy}, strains="time"),
        Row(
            channel,
            "has two addresses, the first of which, of IPv6,",
            Delivered,
            {"hangs": behind_a_hanging_address(well)},
            strains="time",
        ),
        Row(channel, "shows a certificate", Rejected, _CERTIFICATES),
        Row(channel, "speaks no TLS, but", Rejected, _FOREIGN),
        Row(channel, "says before TLS", Retryable, _FULL),
        Row(channel, "speaks", Rejected, _OTHER_TLS),
        Row(channel, "hangs up", Retryable, _GONE),
        Row(channel, "says nothing", Retryable, {"to a connection": raw(mute, plain)}, strains="time"),
        Row(
            channel,
            "sends, a byte now and then,",
            Retryable,
            {"its TLS handshake": raw(drips(_HEAD + bytes(999)), plain)},
            strains="time",
        ),
    )
