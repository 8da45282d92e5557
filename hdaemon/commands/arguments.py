"""What several subcommands take: addresses, ports and tokens, checked before anything is done with them."""

from __future__ import annotations

import argparse

from hdaemon.server.loop import DEFAULT_PORT

__all__ = ["address", "port", "token"]

_MAX_TOKEN_BYTES = 1000
"""The line that shows it has 1024 (`Limits.max_token_line_bytes`)."""


def port(text: str) -> int:
    """Return the port that `text` says: 0 to 65535.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit()) or int(text[:6]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 1 to 65535, or 0 for any free port")
    return int(text)


def address(text: str) -> tuple[str, int]:
    """Return the host and the port of ``HOST:PORT``; of ``HOST`` alone, the host and port 2000.

    Raises:
        argparse.ArgumentTypeError: it is neither, or the port is not one to connect to.
    """
    host, colon, number = text.rpartition(":")
    if not colon or text.endswith("]"):
        host, number = text, str(DEFAULT_PORT)
    bracketed = host.startswith("[") and host.endswith("]")
    if ":" in host and not bracketed:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT: write an IPv6 address as [::1]:{DEFAULT_PORT}")
    host = host[1:-1] if bracketed else host
    if not host or not host.isprintable() or " " in host:
        raise argparse.ArgumentTypeError(f"{text!r} is not HOST:PORT, such as 127.0.0.1:{DEFAULT_PORT}")
    found = port(number)
    if found == 0:
        raise argparse.ArgumentTypeError(f"{text!r}: port 0 cannot be connected to; the server says which port it took")
    return host, found


def token(text: str) -> str:
    """Return the token that `text` is.

    Raises:
        argparse.ArgumentTypeError: no client could show it: it is empty, too long or more than one line.
    """
    if not text or not text.isprintable() or len(text.encode("utf-8", "replace")) > _MAX_TOKEN_BYTES:
        raise argparse.ArgumentTypeError(
            f"a token is 1 to {_MAX_TOKEN_BYTES} bytes of printable text; "
            "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a good one"
        )
    return text
