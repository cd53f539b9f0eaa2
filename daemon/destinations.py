"""Which way out a message takes, by the beginning of its destination: chat, unless the destination says otherwise."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.base import Delivery, Notifier


class ByDestination:
    """alerts.base.Notifier over others: *ways* by prefix of the destination, *chat* for all else."""

    def __init__(self, chat: Notifier, ways: Mapping[str, Notifier]) -> None:
        self._chat = chat
        self._ways = dict(ways)

    def post(self, delivery: Delivery) -> str:
        return self._way(delivery).post(delivery)

    def update(self, delivery: Delivery) -> str:
        return self._way(delivery).update(delivery)

    def find(self, delivery: Delivery) -> str | None:
        return self._way(delivery).find(delivery)

    def probe(self) -> None:
        """Of the chat: the only credential whose refusal stops all delivery."""
        self._chat.probe()

    def _way(self, delivery: Delivery) -> Notifier:
        found = next((way for prefix, way in self._ways.items() if delivery.channel.startswith(prefix)), None)
        return found or self._chat
