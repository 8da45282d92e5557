"""What a URL and its headers name: a channel, a media type, the options of a WebSocket.

Fed: the parts of a request as they were sent. Raises `HttpError` for what names nothing.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes

from hdaemon.errors import UsageError
from hdaemon.message import check_channel
from hdaemon.wire.heads import HttpError

__all__ = ["channel_of", "decoded", "media_type_of", "options_of"]

_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+/[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, 8.3.1

_KNOWN = 256
"""Names that are remembered: what many messages say again and again."""


def decoded(name: str) -> str:
    """Return the name that a path holds percent-encoded.

    Raises:
        HttpError: 400, it is not UTF-8.
    """
    try:
        return unquote_to_bytes(name).decode("utf-8")
    except UnicodeDecodeError as error:
        raise HttpError(400, f"the channel name {name[:80]!r} is not UTF-8, percent-encoded") from error


@lru_cache(_KNOWN)
def channel_of(name: str) -> str:
    """Return the channel that a path names, percent-encoded.

    Raises:
        HttpError: 400, it cannot name a channel.
    """
    try:
        return check_channel(decoded(name))
    except UsageError as error:
        raise HttpError(400, str(error)) from error


@lru_cache(_KNOWN)
def media_type_of(value: str) -> str:
    """Return the media type of a Content-Type, in lower case and without parameters.

    Raises:
        HttpError: 415, it is none.
    """
    content_type = value.partition(";")[0].strip().lower()
    if not _MEDIA_TYPE.fullmatch(content_type):
        raise HttpError(415, f"Content-Type {value[:80]!r} is not a media type: write one as type/subtype")
    return content_type


def options_of(query: str, known: tuple[str, ...]) -> dict[str, str]:
    """Return the options of a query, ``name=value&name=value``.

    Raises:
        HttpError: 400, it is not of that form, or an option is not in `known` or there twice.
    """
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=8, errors="strict")
    except ValueError as error:
        raise HttpError(400, "the query is not of the form name=value&name=value") from error
    for name, _ in pairs:
        if name not in known:
            raise HttpError(400, f"there is no option {name[:40]!r}: use {', '.join(known)}")
    if len(dict(pairs)) < len(pairs):
        raise HttpError(400, "an option is given twice in the query")
    return dict(pairs)
