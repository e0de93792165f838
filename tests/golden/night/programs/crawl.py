"""Reads the prices of three shops at once, in a task group. Two of the replies are wrong, each in its own way."""

import asyncio
import json

from tocsin import watch
from tocsin.core.notifiers import Notifier

REPLIES = {"berlin": '{"price": 12.5}', "paris": '{"prix": 11.9}', "rome": "<html>503</html>"}


async def price(shop: str) -> float:
    await asyncio.sleep(0)
    try:
        return float(json.loads(REPLIES[shop])["price"])
    except Exception as error:
        error.add_note(f"the reply of {shop} was {REPLIES[shop]!r}")
        raise


async def prices() -> None:
    async with asyncio.TaskGroup() as group:
        for shop in REPLIES:
            group.create_task(price(shop))


def main(*handlers: Notifier) -> None:
    with watch("crawl", state_handlers=handlers):
        asyncio.run(prices())
