"""Short words for the columns of tables."""

from __future__ import annotations

from functools import lru_cache

from hdaemon import content

__all__ = ["age_text", "short_type", "suffix_for"]

_SHORT = {content.TEXT: "text", content.OCTET_STREAM: "bytes"}
_TREES = ("vnd.", "x-", "prs.", "x.")

_SUFFIXES = {
    content.TEXT: ".txt",
    content.JSON: ".json",
    content.MSGPACK: ".msgpack",
    content.NPY: ".npy",
    content.SAFETENSORS: ".safetensors",
    "application/x-houdini-bgeo": ".bgeo",
    "image/jpeg": ".jpg",
    "image/png": ".png",
}


@lru_cache(maxsize=256)
def short_type(content_type: str) -> str:
    """Return a content type in one word: ``"json"``, ``"safetensors"``, ``"text"``, ``"bytes"``."""
    known = _SHORT.get(content_type)
    if known is not None or not content_type:
        return known or ""
    kind, _, subtype = content_type.partition("/")
    for tree in _TREES:
        subtype = subtype.removeprefix(tree)
    return subtype or kind


def suffix_for(content_type: str) -> str:
    """Return the ending of a file that holds a payload of that type."""
    return _SUFFIXES.get(content_type, ".txt" if content_type.startswith("text/") else ".bin")


def age_text(seconds: float) -> str:
    """Return how long ago something was in a few characters: ``"now"``, ``"5 s"``, ``"3 min"``, ``"4 d"``."""
    if seconds < 1:  # also a moment ahead of a clock that was put back
        return "now"
    for unit, length, until in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 86400)):
        if seconds < until:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds // 86400):,} d"
