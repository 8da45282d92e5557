"""`ChannelTree`: channel names as a tree by their levels, and which of its lines are shown. Plain Python."""

from __future__ import annotations

import re
from bisect import insort
from collections.abc import Iterator

from hdaemon.channels import ChannelInfo

__all__ = ["ChannelTree", "Node"]

_DIGITS = re.compile(r"[0-9]+")
_DIGITS_SORTED = 12

_EXPANDED_UP_TO = 200
"""With more channels than this, new levels are shown closed: nobody reads a thousand lines from the top."""


def _natural(name: str) -> str:
    """Return a key that sorts names as people count: ``joint2`` before ``joint10``."""
    return _DIGITS.sub(lambda digits: digits[0].zfill(_DIGITS_SORTED), name.casefold())


class Node:
    """One level of a name; also a channel, when there is one of the name up to here."""

    __slots__ = (
        "below",
        "cells",
        "children",
        "depth",
        "expanded",
        "info",
        "is_channel",
        "key",
        "name",
        "parent",
        "path",
        "order",
    )

    def __init__(self, name: str, path: str, parent: Node | None, expanded: bool) -> None:
        self.name, self.path, self.parent = name, path, parent
        self.depth: int = 0 if parent is None else parent.depth + 1
        self.key = _natural(name)
        # Most nodes have no children, and share these: what the garbage collector need not look at costs no pause.
        self.children = _NO_CHILDREN
        self.order = _NO_ORDER  # the children as they are shown
        self.expanded = expanded
        self.is_channel = False
        self.below = 0  # channels under it
        self.info: ChannelInfo | None = None
        self.cells: tuple[str, ...] | None = None  # as shown last

    def put(self, child: Node) -> None:
        """Add a child at its place."""
        if not self.children:
            self.children, self.order = {}, []
        self.children[child.name] = child
        insort(self.order, child, key=_key)  # sorting ten thousand at once takes forty milliseconds

    def take(self, child: Node) -> None:
        """Take a child away."""
        del self.children[child.name]
        self.order.remove(child)


_NO_CHILDREN: dict[str, Node] = {}
_NO_ORDER: list[Node] = []


def _key(node: Node) -> str:
    return node.key


class ChannelTree:
    """The names that are known, as a tree. Levels are split by ``/``; an empty level is a level too, as in MQTT."""

    def __init__(self) -> None:
        self.root = Node("", "", None, True)
        self.root.depth = -1
        self.channels: dict[str, Node] = {}

    def add(self, name: str) -> Node:
        """Add a channel, with the levels above it; return its node."""
        node = self.root
        path = ""
        for level in name.split("/"):
            path = level if node is self.root else f"{path}/{level}"
            child = node.children.get(level)
            if child is None:
                child = Node(level, path, node, len(self.channels) <= _EXPANDED_UP_TO)
                node.put(child)
            node = child
        node.is_channel = True
        node.cells = None
        self.channels[name] = node
        self._count(node, 1)
        return node

    def remove(self, name: str) -> None:
        """Take a channel out, with the levels that are left empty."""
        node = self.channels.pop(name)
        node.is_channel, node.info, node.cells = False, None, None
        self._count(node, -1)
        while node.parent is not None and not node.children and not node.is_channel:
            node.parent.take(node)
            node = node.parent

    def _count(self, node: Node, step: int) -> None:
        above = node.parent
        while above is not None:
            above.below += step
            if not above.is_channel:
                above.cells = None
            above = above.parent

    def find(self, path: str) -> Node | None:
        """Return the node at a path, channel or not."""
        node: Node | None = self.root
        for level in path.split("/"):
            node = None if node is None else node.children.get(level)
        return node

    def shown(self, needle: str = "") -> Iterator[Node | None]:
        """Yield the nodes that are shown, in order: those whose levels above are open; None for "still at it".

        Args:
            needle: show the channels whose name contains this, whatever is open, and the levels above them.
        """
        if needle:
            yield from self._matching(needle.casefold())
            return
        stack = [iter(self.root.order)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            yield node
            if node.expanded and node.children:
                stack.append(iter(node.order))

    def _matching(self, needle: str) -> Iterator[Node | None]:
        wanted: set[Node] = set()
        for count, (name, found) in enumerate(list(self.channels.items())):
            if count % 256 == 0:
                yield None
            if needle in name.casefold():
                node: Node | None = found
                while node is not None and node not in wanted:
                    wanted.add(node)
                    node = node.parent
        stack = [iter(self.root.order)]
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
            elif node in wanted:
                yield node
                stack.append(iter(node.order))
            else:
                yield None

    def shown_below(self, node: Node) -> list[Node]:
        """Return the nodes that opening `node` shows."""
        found: list[Node] = []
        stack = [iter(node.order)]
        while stack:
            below = next(stack[-1], None)
            if below is None:
                stack.pop()
                continue
            found.append(below)
            if below.expanded and below.children:
                stack.append(iter(below.order))
        return found
