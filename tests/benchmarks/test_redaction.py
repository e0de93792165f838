"""The time to look for secrets in a line: it hardly depends on how many are known."""

from hashlib import sha256

import pytest

from tests.benchmarks.ratios import Rivals
from tocsin.core.secrets import KnownForms, secret_parts

LINE = "load failed after 4 m 12 s: OperationalError: connection to the server at db.example.com, port 5432, failed: Connection refused"


def token(number: int) -> str:
    """Return a text like a token, another for each number."""
    return sha256(str(number).encode()).hexdigest()[:32]


def known(count: int) -> KnownForms:
    """Return the forms of so many secrets: tokens, webhooks and databases in turns."""
    forms = dict[str, str]()
    for number in range(count):
        one = token(number)
        kinds = (one, f"https://hooks.example.com/services/T0/B0/{one}", f"postgres://app:{one}@db.example.com/shop")
        forms.update(dict.fromkeys(secret_parts(kinds[number % 3], used=True), f"[SECRET_{number}]"))
    return KnownForms(sorted(forms.items(), key=lambda form: len(form[0]), reverse=True))


@pytest.mark.parametrize("line", [LINE, f"{LINE} {token(0)}"], ids=["without a secret", "with one"])
@pytest.mark.parametrize("count", [0, 100, 1000])
def test_a_line_is_searched(line: str, count: int, rivals: Rivals) -> None:
    many, few = known(count), known(10)
    assert (many.redacted(line) != line) is (count > 0 and line != LINE)
    what = f"a line {'with a secret' if line != LINE else 'without'}, {count:,} known, against 10"
    names = {"many": many, "few": few, "line": line}
    rivals(what, 3, names, "many.redacted(line)", "few.redacted(line)", calls=100)
