#!/usr/bin/env bash
# Subject: loguru 0.7.3, a logging.Handler as its sink.
#
# One would guess: the handler gets a record as the logging module makes it: the message is what was logged, and the exception is
# beside it, in exc_info.
#
# It does: the exception is beside it, and its whole traceback is in the message as well, with the values of the variables of each
# line. `diagnose=False` takes out the values, and a function as `format` takes out the traceback. `error(..., exc_info=True)`, as the
# logging module has it, loses the exception: it is a value for the text's placeholders.
#
# It matters: a handler that sends messages to people sends them the variables, with passwords among them, and the error twice.
#
# Seen:
#   loguru 0.7.3
#   exception("bad"): exc_info ZeroDivisionError, the message has the traceback: True, a variable's value: True
#   exception("bad"), diagnose=False: exc_info ZeroDivisionError, the message has the traceback: True, a variable's value: False
#   exception("bad"), format=function: exc_info ZeroDivisionError, the message has the traceback: False, a variable's value: False
#   error("bad", exc_info=True): exc_info None, the message has the traceback: False, a variable's value: False
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check loguru==0.7.3
cat > load.py <<'END'
import logging
from importlib.metadata import version

from loguru import logger


class Teller(logging.Handler):
    def emit(self, record):
        records.append(record)


def connect(password):
    return len(password) / 0


records = []
secret = "".join(["hun", "ter", "2"])  # no line of the source has the value
exception = 'exception("bad")', lambda: logger.exception("bad")
error = 'error("bad", exc_info=True)', lambda: logger.error("bad", exc_info=True)
print("loguru", version("loguru"))
for (name, call), option, options in [
    (exception, "", {}),
    (exception, ", diagnose=False", {"diagnose": False}),
    (exception, ", format=function", {"format": lambda record: "{message}"}),
    (error, "", {}),
]:
    logger.remove()
    logger.add(Teller(), **options)
    try:
        connect(secret)
    except ZeroDivisionError:
        call()
    record = records.pop()
    text = record.getMessage()
    kind = record.exc_info[0].__name__ if record.exc_info else None
    print(f"{name}{option}: exc_info {kind}, the message has", end=" ")
    print(f"the traceback: {'Traceback' in text}, a variable's value: {secret in text}")
END
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I load.py 2>log) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
