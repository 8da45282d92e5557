"""Who may send a request: the checks that keep web pages and strangers out, made before a body is read.

A page can make the browser of whoever looks at it send requests to any port of that machine. Such a request gives
itself away: by the name it was sent to (Host), by the page it comes from (Origin), or by the browser's own word
(Sec-Fetch-Site).
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field

from hdaemon.wire.frames import SUBPROTOCOL_TOKEN, wants_websocket
from hdaemon.wire.heads import Head, HttpError

__all__ = ["Access", "WrongToken", "hosts_of", "is_preflight"]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")

_TOKEN_IN_URL = re.compile(r"[?&](?:access_|auth_)?(?:token|bearer|authorization)=", re.IGNORECASE)


class WrongToken(HttpError):
    """A token was shown, and it is not the server's: whoever guesses is counted and slowed."""


def is_preflight(head: Head) -> bool:
    """Say whether a browser asks what a page may do, before it does it (fetch.spec.whatwg.org, CORS-preflight)."""
    return bool(
        head.method == "OPTIONS"
        and head.length == 0
        and head.all("origin")
        and head.all("access-control-request-method")
    )


def hosts_of(*addresses: str) -> tuple[str, ...]:
    """Return what a Host may name of a server at these addresses: IPv6 in brackets, each once, in no order.

    A wildcard is no address to send to, though browsers take 0.0.0.0 for one.
    """
    names = (address.strip("[]") for address in addresses)
    return tuple({f"[{name}]" if ":" in name else name for name in names if name not in ("0.0.0.0", "::")})


@dataclass(frozen=True, slots=True)
class Access:
    """What a request to one server must show.

    Attributes:
        hosts: names and addresses of the server, IPv6 in brackets, besides those of loopback.
        port: the port it listens on.
        token: what ``Authorization: Bearer`` must say; None when nothing is required.
        origins: pages that may send, such as ``"https://studio.example"``.
    """

    hosts: tuple[str, ...]
    port: int
    token: str | None = field(default=None, repr=False)
    origins: tuple[str, ...] = ()

    def check(self, head: Head) -> None:
        """Return when the request may be served.

        Raises:
            HttpError: 400, 401 or 403, and what was wrong. `WrongToken` where a token was shown.
        """
        hosts = head.all("host")
        if len(hosts) != 1:
            raise HttpError(400, f"a request has one Host header (RFC 9112, 3.2), and this one has {len(hosts)}")
        allowed = {f"{host}:{self.port}" for host in (*_LOOPBACK, *self.hosts)}
        if self.port == 80:
            allowed |= {*_LOOPBACK, *self.hosts}
        if hosts[0].lower() not in {host.lower() for host in allowed}:
            raise HttpError(400, f"Host {hosts[0][:80]!r} is not a name of this server: use {_LOOPBACK[0]}:{self.port}")
        for origin in head.all("origin"):
            if origin not in self.origins:
                raise HttpError(403, f"a page from {origin[:80]!r} may not send to this server")
        for site in head.all("sec-fetch-site"):
            if site not in ("none", "same-origin") and not head.all("origin"):
                raise HttpError(403, f"a browser says that this request comes from another site ({site[:20]!r})")
        if _TOKEN_IN_URL.search(head.target):
            raise HttpError(
                400, "a token does not belong into a URL, where others may read it: use Authorization: Bearer THE_TOKEN"
            )
        # A browser sends a preflight without the token; its answer tells an allowed page nothing but that.
        if self.token is not None and not is_preflight(head):
            self._check_token(head, self.token)

    def _check_token(self, head: Head, token: str) -> None:
        shown = head.get("authorization")
        if not shown and wants_websocket(head):
            # A page cannot give its WebSocket a header, but it can offer a protocol of any name.
            offered = [word.strip() for value in head.all("sec-websocket-protocol") for word in value.split(",")]
            names = [word[len(SUBPROTOCOL_TOKEN) :] for word in offered if word.startswith(SUBPROTOCOL_TOKEN)]
            shown = f"Bearer {names[0]}" if len(names) == 1 else ""
        scheme, _, value = shown.partition(" ")
        # The head was decoded as Latin-1, whatever the client wrote: these are its bytes again.
        same = hmac.compare_digest(value.strip(" ").encode("latin-1"), token.encode())
        if scheme.lower() != "bearer" or not same:
            text = "this server asks for its token: send the header Authorization: Bearer THE_TOKEN"
            raise (WrongToken if shown else HttpError)(401, text, (("WWW-Authenticate", "Bearer"),))
