"""`hdaemon sessions`: the user's running servers, by their files, each asked how it is."""

from __future__ import annotations

import argparse
import http.client
import json
import sys
import time
from typing import Any

from hdaemon.commands.telling import tell
from hdaemon.message import one_line
from hdaemon.server import sessions
from hdaemon.server.listener import at
from hdaemon.server.sessions import Session

__all__ = ["add_arguments", "run"]

_TIMEOUT_S = 1.0
"""A server answers from a thread of its own, also while Houdini cooks."""

_MAX_ANSWER_BYTES = 1024 * 1024
_SAYS_NOTHING = "not answering"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what `sessions` takes."""
    parser.add_argument("--json", action="store_true", help="write a JSON list of objects")
    parser.add_argument("--show-token", action="store_true", help="write the tokens too: mind who looks on")


def run(args: argparse.Namespace) -> int:
    """List the sessions; return 0, also when there is none."""
    sessions.forget()
    rows = []
    for session in sessions.find():
        status = _status(session)
        if status is None:
            sessions.forget(session)
        else:
            rows.append(_row(session, status, args.show_token))
    if args.json:
        print(json.dumps(rows, indent=2))
    elif rows:
        _print_table(rows, args.show_token)
    else:
        tell("no session is running: `hdaemon serve` or `hdaemon demo` starts one, and so does Houdini")
    return 0


def _status(session: Session) -> dict[str, Any] | None:
    """Return what ``GET /status`` says; empty when it is not said in time, None when nobody listens there."""
    host, port = session.address
    connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    headers = {}
    if session.token is not None:
        headers["Authorization"] = "Bearer " + session.token.encode().decode("latin-1")  # as http.client encodes it
    try:
        connection.request("GET", "/status", headers=headers)
        answer = connection.getresponse()
        said = json.loads(answer.read(_MAX_ANSWER_BYTES))
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException, ValueError):  # too busy, or something else by now
        return {}
    finally:
        connection.close()
    return said if answer.status == 200 and isinstance(said, dict) else {}


def _row(session: Session, status: dict[str, Any], show_token: bool) -> dict[str, Any]:
    clients = status.get("clients")
    row = {
        "name": session.name,
        "host": session.host,
        "port": session.port,
        "pid": session.pid,
        "version": session.version,
        "started": session.started,
        "token_required": session.token is not None,
        "state": "listening" if status else _SAYS_NOTHING,
        "mode": status.get("mode"),
        "messages": status.get("messages"),
        # This command is one of them.
        "clients": len(clients) - 1 if isinstance(clients, list) else None,
    }
    if show_token:
        row["token"] = session.token
    return row


def _print_table(rows: list[dict[str, Any]], show_token: bool) -> None:
    titles = ["NAME", "ADDRESS", "MODE", "CLIENTS", "MESSAGES", "PID", "STARTED", "TOKEN"]
    lines = [titles]
    for row in rows:
        started = time.strftime("%Y-%m-%d %H:%M", time.localtime(row["started"]))
        token = (row.get("token") if show_token else "needed") if row["token_required"] else "-"
        counts = ["-" if row[name] is None else f"{row[name]:,}" for name in ("clients", "messages")]
        address = at(row["host"], row["port"])
        mode, pid = row["mode"] or _SAYS_NOTHING, str(row["pid"])
        lines.append([one_line(row["name"]), address, mode, *counts, pid, started, str(token)])
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        text = "  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip()
        sys.stdout.write(text + "\n")
