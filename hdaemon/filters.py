"""`ChannelFilter`: which channels somebody wants, as an MQTT topic filter says it (MQTT 5.0, 4.7).

``maya/body`` is that channel; ``maya/+`` is every channel one level below ``maya``; ``maya/#`` is ``maya`` and
everything below it; ``#`` is every channel.
"""

from __future__ import annotations

from hdaemon.errors import UsageError
from hdaemon.message import check_channel

__all__ = ["ChannelFilter"]

_KNOWN = 1000
"""Answers that are remembered: a handful of channels carries nearly all messages."""


class ChannelFilter:
    """A channel, or a pattern for channels.

    Args:
        text: a channel's name, in which a level may be ``+`` (any one level) and the last one ``#`` (any number).

    Raises:
        UsageError: it is no such filter; says where.
    """

    def __init__(self, text: str) -> None:
        check_channel(text.replace("+", "_").replace("#", "_"))
        levels = text.split("/")
        for number, level in enumerate(levels):
            if ("+" in level or "#" in level) and len(level) > 1:
                raise UsageError(
                    f"level {level!r} of {text!r}: a wildcard stands alone in its level, as in a/+/b or a/#"
                )
            if level == "#" and number != len(levels) - 1:
                raise UsageError(f"'#' in {text!r} stands for all further levels: it can only be the last")
        self.text = text
        self.is_pattern = "+" in levels or "#" in levels
        self._levels = levels
        self._known: dict[str, bool] = {}

    def __contains__(self, channel: str) -> bool:
        """Say whether `channel` is wanted."""
        if not self.is_pattern:
            return channel == self.text
        known = self._known.get(channel)
        if known is None:
            if len(self._known) >= _KNOWN:
                self._known.clear()
            known = self._known[channel] = self._matches(channel)
        return known

    def __repr__(self) -> str:
        return f"ChannelFilter({self.text!r})"

    def _matches(self, channel: str) -> bool:
        wanted, levels = self._levels, channel.split("/")
        if levels[0].startswith("$") and wanted[0] in ("+", "#"):
            return False  # such names are for a system's own use: MQTT 5.0, 4.7.2
        if wanted[-1] == "#":
            wanted = wanted[:-1]
            levels = levels[: len(wanted)]  # `a/#` is also `a` itself
        return len(wanted) == len(levels) and all(
            want in ("+", level) for want, level in zip(wanted, levels, strict=True)
        )
