"""A real browser against a real server: ``python browser.py CHROMIUM``.

Headless Chromium loads a page of another origin that tries what pages can do to a port of their own machine. Nothing of
it may reach log or store as data, and each attempt is one row of the log that says what was tried. The browser's own
protection of local addresses is switched off, as it is ours that is tested. Then a page that is allowed by name must
work. The exit status is 0 when all is well.
"""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from hdaemon.log import RingLog, Row
from hdaemon.server.loop import ServerLoop
from hdaemon.store import Store

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
DEADLINE_S = 90.0
QUIET_S = 1.0
TOKEN = "0123456789abcdefghijklmnopqrstuvwxyz"

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP evil.test 127.0.0.1",
    # The browser's own checks of local addresses: without them, all that is tried arrives.
    "--disable-features=LocalNetworkAccessChecks,LocalNetworkAccessChecksWarn,BlockInsecurePrivateNetworkRequests,"
    "PrivateNetworkAccessSendPreflights,PrivateNetworkAccessRespectPreflightResults,HttpsUpgrades,HttpsFirstBalancedMode,"
    "LocalNetworkAccessForWebRTC,LocalNetworkAccessChecksWebRTC,LocalNetworkAccessChecksWebSockets,"
    "MediaRouter,OptimizationHints,Translate,WebRtcHideLocalIpsWithMdns",
)

ATTEMPTS = (
    "no-cors cors-text form-urlencoded form-multipart form-text beacon keepalive image script style frame sandbox "
    "json-put mode-put status xhr events websocket websocket-listen localhost zero decimal rebound rebound-websocket "
    "tls turn ice"
).split()
SAME_ORIGIN = "same-put same-get same-form same-websocket".split()

MAY_STAY_AWAY = {"zero", "ice"}
"""Some versions of Chromium never send these."""

TOLD = {
    "mode-put": "/mode: HTTP 403",
    "status": "GET /status: HTTP 403",
    "tls": "a TLS hello came in",
    "turn": "a STUN message came in",
    "ice": "a STUN message came in",
}


class Pages(ThreadingHTTPServer):
    """Serves the hostile page, lets it begin when `go` is set, and collects what it reports."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.page = b""
        self.go = threading.Event()
        self.reports: queue.Queue[tuple[str, str]] = queue.Queue()
        self._sockets: list[socket.socket] = []

    def get_request(self) -> tuple[socket.socket, Any]:
        """Take a connection, and remember it."""
        sock, address = super().get_request()
        self._sockets.append(sock)
        return sock, address

    def server_close(self) -> None:
        """Close the port and every connection: a browser opens some before it needs them, and would use them later."""
        super().server_close()
        for sock in self._sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:  # closed already
                pass

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a browser that goes leaves connections behind."""

    def ends(self) -> dict[str, str]:
        """Return what the page reported of each attempt, once it is done."""
        found: dict[str, str] = {}
        deadline = time.monotonic() + DEADLINE_S
        while "done" not in found:
            try:
                name, end = self.reports.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"the page did not end within {DEADLINE_S:g} s; it came to {found}") from None
            found[name] = end
        return found


class _Handler(BaseHTTPRequestHandler):
    server: Pages

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/go":
            self.server.go.wait(DEADLINE_S)
        self._answer(self.server.page if self.path == "/page" else b"")

    def do_POST(self) -> None:  # noqa: N802
        name, end = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.reports.put((name, end))
        self._answer(b"")

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def pages() -> Iterator[Pages]:
    """Serve pages on a port of their own."""
    with Pages() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.go.set()
            server.shutdown()
            thread.join(10)


@contextmanager
def hdaemon(port: int = 0, **options: Any) -> Iterator[ServerLoop]:
    """Run a server in evaluate mode: what comes through would be stored."""
    loop = ServerLoop("browser", "127.0.0.1", port, "evaluate", log=RingLog(), store=Store(), **options)
    thread = threading.Thread(target=loop.run, name="hdaemon browser")
    thread.start()
    try:
        assert loop.listening.wait(10), "the server did not start"
        assert loop.state == "listening", loop.error
        yield loop
    finally:
        loop.stop()
        thread.join(10)


@contextmanager
def chromium(program: str, url: str) -> Iterator[None]:
    """Load `url` in a browser that knows nothing; end it with all its processes."""
    folder = tempfile.mkdtemp(prefix="hdaemon-browser-")
    command = [program, *FLAGS, f"--user-data-dir={folder}/profile", url]
    environment = {**os.environ, "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_CACHE_HOME": folder}
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
    )
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def page(control: str, loop_port: int, attempts: list[str], token: str = "") -> bytes:
    """Return the page that makes these attempts at the server on `loop_port`."""
    settings = {
        "control": control,
        "target": f"http://127.0.0.1:{loop_port}",
        "port": loop_port,
        "attempts": attempts,
        "token": token,
    }
    script = Path(__file__).with_name("browser_page.js").read_text("utf-8")
    text = (
        "<!doctype html><title>page</title><link rel=icon href='data:,'>"  # else the browser asks for an icon
        f"<body><script>const settings = {json.dumps(settings)};\n{script}</script>"
    )
    return text.encode()


def settled(log: RingLog) -> list[Row]:
    """Return the rows of the log once nothing has come for a while."""
    rows, since = list(log), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        threading.Event().wait(0.05)
        if len(log) != len(rows):
            rows, since = list(log), time.monotonic()
    return rows


def say(text: str) -> None:
    print(text, flush=True)


def told_of(name: str) -> str:
    return TOLD.get(name, f"/channels/{name}: HTTP 40")


def check_refused(loop: ServerLoop, log: RingLog, store: Store, ends: dict[str, str], attempts: list[str]) -> None:
    """Fail unless nothing came through, and each attempt is one row that says what was tried."""
    rows = settled(log)
    refused = [row.text for row in rows if row.event == "refused"]
    data = [row for row in rows if row.event is None]
    assert not data, [(row.client, row.text) for row in data]
    assert not list(store), list(store)
    assert loop.mode == "evaluate"
    assert not any(row.event == "mode" for row in rows)
    who = {row.client for row in rows if row.event == "refused"}
    about = [(row.event, row.client, row.text) for row in rows if row.client in who]
    assert len(about) == len(refused) == len(who), about
    arrived = []
    for name in attempts:
        assert name in ends, f"{name} was never tried"
        found = [text for text in refused if told_of(name) in text]
        say(f"  {name:<18} {len(found)}  {found[0] if found else '(did not arrive)'}  [page: {ends[name]}]")
        if found:
            arrived.append(name)
        if name not in ("tls", "turn", "ice"):  # a browser tries these again by itself
            assert len(found) <= 1, found
        assert found or name in MAY_STAY_AWAY, f"{name} did not arrive: the page says {ends[name]}"
    strange = [text for text in refused if not any(told_of(name) in text for name in attempts)]
    assert not strange, strange
    say(f"  {len(arrived)} of {len(attempts)} attempts arrived, and every one was refused")


def case_foreign(program: str, host: str) -> None:
    """A page of another origin."""
    with pages() as control, hdaemon() as loop:
        origin = f"http://{host}:{control.port}"
        control.page = page(origin, loop.port, ATTEMPTS)
        control.go.set()
        with chromium(program, f"{origin}/page"):
            check_refused(loop, loop._log, loop._recorder.store, control.ends(), ATTEMPTS)


def case_rebound(program: str) -> None:
    """A page of evil.test, whose name then points at hdaemon: same host, same port, same origin."""
    with pages() as control:
        with pages() as first:
            port = first.port
            first.page = page(f"http://evil.test:{control.port}", port, SAME_ORIGIN)
            browser = chromium(program, f"http://evil.test:{port}/page")
            with browser_until(browser, control, f"http://evil.test:{port}") as go:
                first.shutdown()
                first.server_close()
                with hdaemon(port) as loop:
                    assert loop.port == port, "another program took the port meanwhile"
                    go()
                    check_refused(loop, loop._log, loop._recorder.store, control.ends(), SAME_ORIGIN)


@contextmanager
def browser_until(browser: Any, control: Pages, origin: str) -> Iterator[Any]:
    """Run the browser until its page is loaded and waits for the word to begin; give that word."""
    with browser:
        assert control.reports.get(timeout=DEADLINE_S) == ("page", origin)
        yield control.go.set


def case_allowed(program: str, token: str | None) -> None:
    """A page that is allowed by name, on a server without and with a token."""
    with pages() as control:
        origin = f"http://evil.test:{control.port}"
        with hdaemon(origins=(origin,), token=token) as loop:
            works = ["token-put", "token-websocket"] if token else ["json-put", "no-cors", "websocket"]
            refused = ["no-cors", "websocket", "json-put"] if token else []
            control.page = page(origin, loop.port, [*works, *refused, "image"], token or "")
            control.go.set()
            with chromium(program, f"{origin}/page"):
                ends = control.ends()
                rows = settled(loop._log)
    for name, end in ends.items():
        say(f"  {name:<18} [page: {end}]")
    channels = [row.channel for row in rows if row.event is None]
    assert sorted(channels) == sorted(works), channels
    assert '"stored": true' in ends[works[0]], ends
    if token:
        assert ends["token-websocket"] == "open, protocol hdaemon"
        assert not any(token in row.text for row in rows)
    told = [row.text for row in rows if row.event == "refused"]
    for name in refused:
        assert sum(f"/channels/{name}: HTTP 401" in text for text in told) == 1, told
    assert sum("GET /channels/image: HTTP 403: a browser says" in text for text in told) == 1, told


def main(arguments: list[str]) -> int:
    """Run every case; return the exit status."""
    program = arguments[0] if arguments else next(filter(None, map(shutil.which, NAMES)), None)
    if program is None:
        say(f"no Chromium was found ({', '.join(NAMES)}): nothing was tried")
        return 1
    socket.setdefaulttimeout(DEADLINE_S)
    cases = {
        "a page of http://evil.test": lambda: case_foreign(program, "evil.test"),
        "a page of http://127.0.0.1": lambda: case_foreign(program, "127.0.0.1"),
        "a page whose name was rebound": lambda: case_rebound(program),
        "a page that is allowed": lambda: case_allowed(program, None),
        "a page that is allowed, and has the token": lambda: case_allowed(program, TOKEN),
    }
    for name, case in cases.items():
        begin = time.monotonic()
        say(name)
        case()
        say(f"ok: {name} ({time.monotonic() - begin:.1f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
