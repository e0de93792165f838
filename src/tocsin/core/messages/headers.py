"""Text from anywhere, made fit for a mail's header.

A header ends at a line break, and ``=?...?=`` in it is decoded by whoever reads it, even into a line break and a header of its
own. So neither may be left: control characters become spaces, and ``=?`` is broken up.
"""

import re

from tocsin.core.messages.text import cut, one_line

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_LONGEST = 200


def header(text: str) -> str:
    """At most 200 characters of the text, on one line, that mean nothing but themselves.

    >>> header("=?utf-8?q?hello=0D=0ABcc:_x?=")
    '= ?utf-8?q?hello=0D=0ABcc:_x?='
    >>> header("load failed\\r\\nBcc: x@y.z")
    'load failed Bcc: x@y.z'
    """
    return cut(one_line(_CONTROLS.sub(" ", text)).replace("=?", "= ?"), _LONGEST)
