#!/usr/bin/env bash
# Subject: alembic 1.20.1, a migration that a program runs by alembic.command.
#
# One would guess: once upgrade() has returned, the program logs as before.
#
# It does: the env.py that `alembic init` writes reads the [loggers] of alembic.ini by logging.config.fileConfig. That takes the
# handlers off the root logger, and disables each logger that there was: its errors go nowhere, not even to its own handlers.
#
# It matters: a service that migrates its database at its start loses the handler that tells people of errors, without a word.
#
# Seen:
#   alembic 1.20.1
#   before: loader heard by the root's handler and by its own
#   after: loader heard by nothing, loader disabled: True; a new logger heard by nothing
#   after, disable_existing_loggers=False in env.py: loader heard by its own, loader disabled: False; a new logger heard by nothing
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check alembic==1.20.1
cat > service.py <<'END'
import logging
import sys
from importlib.metadata import version

from alembic import command
from alembic.config import Config


class Teller(logging.Handler):
    def __init__(self, name):
        super().__init__()
        self.called = name

    def emit(self, record):
        heard.append(self.called)


def heard_of(name):
    heard.clear()
    logging.getLogger(name).error("no rows")
    return f"heard by {' and by '.join(sorted(heard, reverse=True)) or 'nothing'}"


heard = []
logging.getLogger().addHandler(Teller("the root's handler"))
loader = logging.getLogger("loader")
loader.addHandler(Teller("its own"))
option = sys.argv[1] if sys.argv[1:] else ""
if not option:
    print("alembic", version("alembic"))
    print("before: loader", heard_of("loader"))
command.upgrade(Config("alembic.ini"), "head")
print(f"after{option}: loader {heard_of('loader')}, loader disabled: {loader.disabled}; a new logger {heard_of('new')}")
END
run() { timeout 30 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" "$@" 2>>log; }
seen=$(
    run alembic init migrations >>log
    sed -i 's#^sqlalchemy.url = .*#sqlalchemy.url = sqlite://#' alembic.ini
    run python -I service.py
    sed -i 's/fileConfig(config.config_file_name/&, disable_existing_loggers=False/' migrations/env.py
    run python -I service.py ", disable_existing_loggers=False in env.py"
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { cat log >&2; echo "expected: $expected" >&2; exit 1; }
