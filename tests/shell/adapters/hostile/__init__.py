"""Faults of servers and the expected outcomes, as data: each row of ``ROWS`` is tested, and is a row of a table in the docs.

Codes and their meanings are those of the vendors' pages; the other rows are faults of a connection.
"""

from tests.servers.hostile import replying, scripted
from tests.shell.adapters.hostile.gmail import GMAIL
from tests.shell.adapters.hostile.services import APP, PROXY, TOKENS
from tests.shell.adapters.hostile.slack import SLACK
from tests.shell.adapters.hostile.transport import transport

_CONNECTIONS = (*transport("Slack", replying(200, "ok")), *transport("Gmail", scripted("QUIT", "221 bye")))
ROWS = (*SLACK, *APP, *PROXY, *GMAIL, *TOKENS, *_CONNECTIONS)
