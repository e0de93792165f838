"""Sums sales by shop in a DataFrame, and finds a total that cannot be."""

import pandas as pd

from tocsin import watch
from tocsin.core.notifiers import Notifier

SALES = pd.DataFrame(
    {"shop": ["Berlin", "Paris", "Rome"] * 4, "amount": [120.5, 99.0, -17.25] * 4, "receipts": [12, 9, 3, 11, 8, 2, 14, 7, 1, 10, 6, 0]}
)


def totals(sales: pd.DataFrame) -> pd.DataFrame:
    return sales.groupby("shop").sum().reset_index()


def main(*handlers: Notifier) -> None:
    with watch("daily totals", state_handlers=handlers) as run:
        found = totals(SALES)
        run.table(found, title="Totals")
        if (found["amount"] < 0).any():
            raise ValueError("a total is below zero")
