"""Channels that a test makes up, in place of a server's."""

from __future__ import annotations

import time

from hdaemon.channels import ChannelInfo


class Source:
    """Names and infos in a dict; counts how often it was asked for a channel."""

    def __init__(self, *names: str) -> None:
        self.infos: dict[str, ChannelInfo] = {}
        self.asked: list[str] = []
        for name in names:
            self.put(name)

    def put(self, name: str, preview: str = "value", serial: int = 1, **changes: object) -> None:
        values: dict = {
            "time": time.time(),
            "content_type": "text/plain",
            "size": 5,
            "messages": serial,
            "bytes": 5 * serial,
            "rate": 2.0,
            "client": "client-1",
            "stored": True,
        }
        self.infos[name] = ChannelInfo(channel=name, serial=serial, preview=preview, **{**values, **changes})

    def channel_names(self) -> list[str]:
        return list(self.infos)

    def channel(self, name: str) -> ChannelInfo | None:
        self.asked.append(name)
        return self.infos.get(name)
