"""Tells that a unit of systemd failed. For OnFailure=, which says in MONITOR_* how (systemd 251 or later)."""

import os
import sys

from tocsin import Failed, NotificationFailed, Running, Task, slack_notifier

unit = Task(sys.argv[1])
how = " ".join(os.environ.get(f"MONITOR_{part}", "") for part in ("SERVICE_RESULT", "EXIT_CODE", "EXIT_STATUS")).strip()
run = os.environ.get("MONITOR_INVOCATION_ID")
look = f"journalctl _SYSTEMD_INVOCATION_ID={run}" if run else f"journalctl --unit={unit.name}"

try:
    slack_notifier(unit, Running(), Failed(f"{how or 'how is not known'}\n{look}"))
except NotificationFailed:
    sys.exit(1)  # standard error has the reason
