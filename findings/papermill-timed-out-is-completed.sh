#!/usr/bin/env bash
# Subject: papermill 2.7.0 with nbclient 0.11.0 and ipykernel 7.4.0.
#
# One would guess: the metadata of a notebook that is saved after a cell took too long say that this cell failed, and that those
# behind it did not run.
#
# It does: they say "completed" of all cells, also of those that were never run, and their "exception" is null. The exit status is
# 1. With a cell that raises, the same metadata say "failed", "pending" and true.
#
# It matters: a dashboard or a later job that reads the saved notebook tells of a success where the run was stopped.
#
# Seen:
#   papermill 2.7.0, nbclient 0.11.0, ipykernel 7.4.0
#   1 / 0: exit status 1, ['failed', 'pending'], exception: True, the next cell has run: False
#   import time; time.sleep(20): exit status 1, ['completed', 'completed'], exception: None, the next cell has run: False
set -euo pipefail
expected=$(sed -n 's/^#   //p' "$0")
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
"${PYTHON:-python3}" -m venv venv
timeout 300 venv/bin/pip install -q --disable-pip-version-check papermill==2.7.0 nbclient==0.11.0 ipykernel==7.4.0
seen=$(timeout 60 env -i HOME="$folder" PATH="$folder/venv/bin:$PATH" python -I - 2>log <<'END'
import subprocess
from importlib.metadata import version

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

print(*(f"{name} {version(name)}" for name in ("papermill", "nbclient", "ipykernel")), sep=", ")
kernel = {"name": "python3", "display_name": "Python", "language": "python"}
for source in "1 / 0", "import time; time.sleep(20)":
    cells = [new_code_cell(source), new_code_cell("print('the next cell')")]
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), "given.ipynb")
    command = ["papermill", "given.ipynb", "saved.ipynb", "--execution-timeout", "3", "--no-progress-bar"]
    done = subprocess.run(command, capture_output=True, timeout=40)
    saved = nbformat.read("saved.ipynb", 4)
    cells = [cell for cell in saved.cells if cell.cell_type == "code"]
    print(f"{source}: exit status {done.returncode}, {[cell.metadata.papermill.status for cell in cells]},", end=" ")
    print(f"exception: {saved.metadata.papermill.exception}, the next cell has run: {cells[1].execution_count is not None}")
END
) || { cat log >&2; exit 1; }
echo "$seen"
[ "$seen" = "$expected" ] || { echo "expected: $expected" >&2; exit 1; }
