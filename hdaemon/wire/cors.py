"""CORS: what a browser must be told before a page that was allowed by name may publish and read answers.

https://fetch.spec.whatwg.org/#http-cors-protocol. All of it is said only to requests whose Origin has passed
`Access.check`; a server without allowed origins says none of it, ever.
"""

from __future__ import annotations

from hdaemon.content import Payload
from hdaemon.wire.heads import Head
from hdaemon.wire.http import answer

__all__ = ["preflight_answer", "readable_by"]

_METHODS = "GET, HEAD, PUT, POST"
_HEADERS = "Authorization, Content-Type, Hdaemon-Messages, Idempotency-Key, If-None-Match"
_AGE_S = 600


def preflight_answer(head: Head) -> list[Payload]:
    """Return the answer to a preflight: what a page may do. `readable_by` says which."""
    headers = [
        ("Access-Control-Allow-Methods", _METHODS),
        ("Access-Control-Allow-Headers", _HEADERS),
        ("Access-Control-Max-Age", str(_AGE_S)),
    ]
    if head.get("access-control-request-private-network") == "true":  # wicg.github.io/private-network-access
        headers.append(("Access-Control-Allow-Private-Network", "true"))
    return answer(204, headers=tuple(headers), keep_alive=head.keep_alive)


def readable_by(origin: str, parts: list[Payload]) -> list[Payload]:
    """Return the answer `parts` with the words that let a page of `origin` read it.

    Args:
        origin: one that is allowed by name, as it was sent.
        parts: an answer, the first part beginning with its head.
    """
    first, *rest = parts
    line, end, more = bytes(first).partition(b"\r\n")
    words = f"Access-Control-Allow-Origin: {origin}\r\nAccess-Control-Expose-Headers: ETag\r\nVary: Origin\r\n"
    return [line + end + words.encode("latin-1") + more, *rest]
