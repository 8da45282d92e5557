"""Tokens and origins: which are good, where the user's own token is kept, and how those who guess are slowed."""

from __future__ import annotations

import re
import secrets
from collections import OrderedDict
from pathlib import Path

from hdaemon import paths
from hdaemon.errors import HdaemonError, UsageError

__all__ = ["WrongTokens", "checked_origins", "checked_token", "keep_token", "kept_token", "new_token"]

MAX_TOKEN_BYTES = 1000
"""The line that shows it has 1024 (`Limits.max_token_line_bytes`)."""

_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)

_FREE = 4
"""Wrong tokens of one address that are answered at once: somebody who pasted the wrong one is not held up."""

_FIRST_S, _LONGEST_S = 0.125, 2.0
_FORGET_S = 300.0
_MAX_ADDRESSES = 1024


def new_token() -> str:
    """Return a token that nobody guesses: 256 bits."""
    return secrets.token_urlsafe(32)


def checked_token(token: str | None) -> str | None:
    """Return `token`.

    Raises:
        UsageError: no client could show it; its text does not repeat it.
    """
    if token is not None:
        good = isinstance(token, str) and token.isprintable() and token == token.strip()
        if not good or not 0 < len(token.encode("utf-8", "replace")) <= MAX_TOKEN_BYTES:
            raise UsageError(
                f"a token is 1 to {MAX_TOKEN_BYTES} bytes of printable text without spaces around it: "
                "secrets.token_urlsafe(32) makes a good one"
            )
    return token


def checked_origins(origins: tuple[str, ...]) -> tuple[str, ...]:
    """Return `origins`.

    Raises:
        UsageError: one is not what a browser sends as Origin (RFC 6454, 6.2), so that it would allow nothing.
    """
    if isinstance(origins, str):
        raise UsageError(f"origins is the text {origins!r}: give a tuple of them")
    for origin in origins:
        if not isinstance(origin, str) or not _ORIGIN.fullmatch(origin):
            raise UsageError(
                f"origin {origin!r} is not one a browser sends: write scheme://host or scheme://host:port in lower "
                "case, with nothing after it, such as https://studio.example"
            )
    return tuple(origins)


def kept_token() -> str:
    """Return the user's own token, made when it is asked for first: the same for every server and every start.

    It lies in a file that only the user can read; deleted, it is made anew.

    Raises:
        HdaemonError: the file cannot be read or written, or others can.
    """
    path = _token_path()
    try:
        paths.make_private(path.parent)
        try:
            token = paths.read_private(path).decode("ascii").strip()
        except FileNotFoundError:
            token = new_token()
            paths.write_private(path, token.encode())
        found = checked_token(token)
    except (OSError, ValueError) as error:
        raise _not_kept(path, error) from error
    assert found is not None
    return found


def keep_token(token: str) -> None:
    """Make `token` the user's own, in place of the one before, which servers that run go on asking for.

    Raises:
        HdaemonError: the file cannot be written; the token is what it was.
    """
    path = _token_path()
    try:
        paths.make_private(path.parent)
        paths.write_private(path, token.encode())
    except OSError as error:
        raise _not_kept(path, error) from error


def _token_path() -> Path:
    return paths.state_dir() / "token"


def _not_kept(path: Path, error: Exception) -> HdaemonError:
    said = getattr(error, "strerror", None) or error
    return HdaemonError(f"the token cannot be kept in {path} ({said}): delete the file, or mend its folder")


class WrongTokens:
    """Counts wrong tokens, and says how long the answer to one waits; belongs to the server thread.

    From the fifth of an address on they wait, each twice as long as the one before, up to 2 s. A right token never
    waits, whatever else its address has sent: who shares an address with a stranger is not locked out by him.

    Attributes:
        count: wrong tokens since the start, of all addresses.
    """

    def __init__(self) -> None:
        self.count = 0
        self._seen: OrderedDict[str, tuple[int, float]] = OrderedDict()  # how many, and when the last was

    def delay_s(self, address: str, now: float) -> float:
        """Take note of a wrong token from `address` and return how long its answer is to wait, in seconds.

        Args:
            address: without the port, which is another for each connection.
            now: the time, on the monotonic clock.
        """
        self.count += 1
        before, last = self._seen.pop(address, (0, now))
        number = 1 if now - last > _FORGET_S else before + 1
        self._seen[address] = (number, now)
        if len(self._seen) > _MAX_ADDRESSES:
            self._seen.popitem(last=False)
        if number <= _FREE:
            return 0.0
        return float(min(_LONGEST_S, _FIRST_S * 2 ** min(number - _FREE - 1, 10)))
