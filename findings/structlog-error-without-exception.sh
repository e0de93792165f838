#!/usr/bin/env bash
# Subject: structlog 26.1.0 above the logging module, a logging.Handler beside its formatter.
#
# One would guess: `log.exception("bad")` and `log.error("bad", exc_info=True)` make the same record, as they do in the logging module.
#
# It does: with either of the usual last processors, JSONRenderer and wrap_for_formatter, the record of the first has the exception in
# exc_info, and that of the second has none: `exc_info` is an entry of structlog's own dictionary then. What the record has for sure is
# that dictionary as its text, the traceback in it. With render_to_log_kwargs both have the text and the exception.
#
# It matters: a handler that sends what failed to people, or groups errors by their type, has no type and no traceback for half of
# the calls in a program.
#
# Seen:
#   structlog 26.1.0
#   logging itself, exception("bad"): exc_info ValueError, message 'bad'
#   logging itself, error("bad", exc_info=True): exc_info ValueError, message 'bad'
#   format_exc_info and JSONRenderer, exception("bad"): exc_info ValueError, message '{"event": "bad", "exception": "Traceba...'
#   format_exc_info and JSONRenderer, error("bad", exc_info=True): exc_info None, message '{"event": "bad", "exception": "Traceba...'
#   wrap_for_formatter, exception("bad"): exc_info ValueError, message "{'exc_info': True, 'event': 'bad'}"
#   wrap_for_formatter, error("bad", exc_info=True): exc_info None, message "{'exc_info': True, 'event': 'bad'}"
#   render_to_log_kwargs, exception("bad"): exc_info ValueError, message 'bad'
#   render_to_log_kwargs, error("bad", exc_info=True): exc_info ValueError, message 'bad'
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check structlog==26.1.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import logging
from importlib.metadata import version

import structlog
from structlog.processors import JSONRenderer, format_exc_info
from structlog.stdlib import BoundLogger, LoggerFactory, ProcessorFormatter, render_to_log_kwargs


class Teller(logging.Handler):
    def emit(self, record):
        records.append(record)


records = []
logging.getLogger("loader").addHandler(Teller())
print("structlog", version("structlog"))
for name, processors in {
    "logging itself": None,
    "format_exc_info and JSONRenderer": [format_exc_info, JSONRenderer(sort_keys=True)],
    "wrap_for_formatter": [ProcessorFormatter.wrap_for_formatter],
    "render_to_log_kwargs": [render_to_log_kwargs],
}.items():
    if processors is None:
        log = logging.getLogger("loader")
    else:
        structlog.configure(processors=processors, logger_factory=LoggerFactory(), wrapper_class=BoundLogger)
        log = structlog.get_logger("loader")
    for call, log_it in {
        'exception("bad")': lambda: log.exception("bad"),
        'error("bad", exc_info=True)': lambda: log.error("bad", exc_info=True),
    }.items():
        try:
            raise ValueError("no rows")
        except ValueError:
            log_it()
        record = records.pop()
        text = record.getMessage()
        shown = text if len(text) < 39 else text[:38] + "..."
        kind = record.exc_info[0].__name__ if record.exc_info else None
        print(f"{name}, {call}: exc_info {kind}, message {shown!r}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
