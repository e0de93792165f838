"""Writes all golden messages and their pictures: ``python -m tests.golden.night``, with names of cases for those alone."""

import sys

from tests.golden.night.cases import CASES
from tests.golden.night.files import FOLDER, PICTURES, written

if __name__ == "__main__":
    for folder in (FOLDER, PICTURES):
        folder.mkdir(exist_ok=True, parents=True)
    for name in sys.argv[1:] or CASES:
        for path, text in written(name, CASES[name]()):
            path.write_text(text, encoding="utf-8")
