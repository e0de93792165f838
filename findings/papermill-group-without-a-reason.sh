#!/usr/bin/env bash
# Subject: papermill 2.7.0 with nbclient 0.11.0, ipykernel 7.4.0 and IPython 9.18.1.
#
# One would guess: whatever a cell raises, the text of papermill's exception begins or ends with its type and its message.
#
# It does: the text begins with an empty line and a ruler, and the reason is its last line but for one case. Of an ExceptionGroup,
# as an asyncio.TaskGroup raises it, neither the text nor `ename`, `evalue` and `traceback` have anything: IPython prints a group to
# standard error, and sends no error output. nbclient alone has both its name and its members.
#
# It matters: a message with the first line of the text is empty, and one with the whole text gives no reason for a failed group.
# The reason is in the standard error of the saved cell.
#
# Seen:
#   papermill 2.7.0, nbclient 0.11.0, ipykernel 7.4.0, ipython 9.18.1
#   ValueError, papermill: first line '', last line 'ValueError: row 7'
#     ename 'ValueError', evalue 'row 7', row 7 in any of it: True
#   ValueError, nbclient: ename 'ValueError', evalue 'row 7', row 7 in its text: True
#   ExceptionGroup, papermill: first line '', last line 'Exception encountered at "In [1]":'
#     ename 'CellExecutionError', evalue '', row 7 in any of it: False
#   ExceptionGroup, nbclient: ename 'ExceptionGroup', evalue 'loading (1 sub-exception)', row 7 in its text: True
#   row 7 in the standard error of the saved cell: True
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check papermill==2.7.0 nbclient==0.11.0 ipykernel==7.4.0 ipython==9.18.1
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
from importlib.metadata import version

import nbclient
import nbformat
import papermill
from nbclient.exceptions import CellExecutionError
from nbformat.v4 import new_code_cell, new_notebook
from papermill.exceptions import PapermillExecutionError

kernel = {"name": "python3", "display_name": "Python", "language": "python"}
row = "row " + "7"  # the source of the cell, which nbclient's text has, does not say "row 7"


def notebook(name):
    error = "ValueError('row ' + str(3 + 4))"
    source = f"raise {error}" if name == "ValueError" else f"raise ExceptionGroup('loading', [{error}])"
    return new_notebook(cells=[new_code_cell(source)], metadata={"kernelspec": kernel})


print(*(f"{name} {version(name)}" for name in ("papermill", "nbclient", "ipykernel", "ipython")), sep=", ")
for name in "ValueError", "ExceptionGroup":
    nbformat.write(notebook(name), "given.ipynb")
    try:
        papermill.execute_notebook("given.ipynb", "saved.ipynb", progress_bar=False)
    except PapermillExecutionError as error:
        lines = str(error).split("\n")
        last = str(error).rstrip().splitlines()[-1]
        knows = any(row in str(part) for part in (error, error.ename, error.evalue, error.traceback))
        print(f"{name}, papermill: first line {lines[0]!r}, last line {last!r}")
        print(f"  ename {error.ename!r}, evalue {error.evalue!r}, row 7 in any of it: {knows}")
    try:
        nbclient.execute(notebook(name))
    except CellExecutionError as error:
        print(f"{name}, nbclient: ename {error.ename!r}, evalue {error.evalue!r}, row 7 in its text: {row in str(error)}")
outputs = [output for cell in nbformat.read("saved.ipynb", 4).cells for output in cell.get("outputs", [])]
written = "".join(output.text for output in outputs if output.get("name") == "stderr")
print(f"row 7 in the standard error of the saved cell: {row in written}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
