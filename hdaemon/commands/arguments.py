"""What several subcommands take: addresses, ports and tokens, checked before anything is done with them."""

from __future__ import annotations

import argparse
from dataclasses import fields

from hdaemon.errors import UsageError
from hdaemon.server import sessions
from hdaemon.server.listener import at
from hdaemon.server.loop import DEFAULT_PORT
from hdaemon.server.security import MAX_TOKEN_BYTES, checked_origins, checked_token
from hdaemon.wire.limits import Limits

__all__ = ["address", "limit", "origin", "port", "positive", "seconds", "server", "token"]


def port(text: str) -> int:
    """Return the port that `text` says: 0 to 65535.

    Raises:
        argparse.ArgumentTypeError: it is none.
    """
    if not (text.isascii() and text.isdigit()) or int(text[:6]) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: use 1 to 65535, or 0 for any free port")
    return int(text)


def positive(text: str, what: str) -> float:
    """Return the number that `text` is: finite, and above 0.

    Raises:
        argparse.ArgumentTypeError: it is none; `what` says what it should be.
    """
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of {what}")
    return number


def seconds(text: str) -> float:
    """Return the seconds that `text` says; see `positive`."""
    return positive(text, "seconds above 0")


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


def server(text: str) -> tuple[str, int]:
    """Return the host and the port of a session of that name, or of ``HOST:PORT``.

    Raises:
        argparse.ArgumentTypeError: it is neither, or several sessions have that name.
    """
    found = [session.address for session in sessions.find() if session.name == text]
    if len(found) > 1:
        where = " or ".join(at(host, number) for host, number in found)
        raise argparse.ArgumentTypeError(f"{len(found)} sessions are called {text!r}: write {where}")
    return found[0] if found else address(text)


def token(text: str) -> str:
    """Return the token that `text` is.

    Raises:
        argparse.ArgumentTypeError: no client could show it: it is empty, too long or more than one line.
    """
    try:
        checked_token(text)
    except UsageError:
        raise argparse.ArgumentTypeError(
            f"a token is 1 to {MAX_TOKEN_BYTES} bytes of printable text; "
            "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes a good one"
        ) from None
    return text


def origin(text: str) -> str:
    """Return the origin that `text` is.

    Raises:
        argparse.ArgumentTypeError: no browser sends it.
    """
    try:
        return checked_origins((text,))[0]
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def limit(text: str) -> tuple[str, float]:
    """Return the name and the value of ``NAME=VALUE``; VALUE may end in KiB, MiB or GiB.

    Raises:
        argparse.ArgumentTypeError: there is no such limit, or it cannot be that.
    """
    name, _, written = text.partition("=")
    kinds = {item.name: int if item.type == "int" else float for item in fields(Limits)}
    if name not in kinds:
        raise argparse.ArgumentTypeError(f"there is no limit {name!r}: there are {', '.join(kinds)}")
    number, factor = written.strip(), 1
    for power, unit in enumerate(("KiB", "MiB", "GiB"), 1):
        if number.endswith(unit):
            number, factor = number[: -len(unit)].strip(), 1024**power
    try:
        value = kinds[name](number) * factor
        Limits(**{name: value})  # type: ignore[arg-type]
    except (ValueError, UsageError):
        what = "a whole number above 0; KiB, MiB or GiB may follow" if kinds[name] is int else "seconds above 0"
        raise argparse.ArgumentTypeError(f"{written!r} is no value of {name}: give {what}") from None
    return name, value
