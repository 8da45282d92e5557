"""What to write in a shell or in Python to send to this server: `curl_snippet`, `python_snippet`."""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hdaemon import content
from hdaemon.content import Payload
from hdaemon.errors import DecodeError
from hdaemon_panel.examine import is_text
from hdaemon_panel.labels import suffix_for

__all__ = ["INLINE_BYTES", "Target", "curl_snippet", "file_name", "python_snippet"]

INLINE_BYTES = 2000
"""Payloads up to this are written into the snippet; a larger one is read from a file by it."""

_BEGINNINGS = {content.TEXT: b"hello", content.JSON: b'{"x": 1}'}

_WILDCARDS = ("0.0.0.0", "::", "[::]")
_TOKEN = "TOKEN"  # noqa: S105 - a placeholder: a snippet is pasted into chats and never holds the token itself


@dataclass(frozen=True)
class Target:
    """Where a snippet sends.

    Attributes:
        host, port: of the server.
        token: whether it asks for its token.
        channel, content_type: of the message.
        payload: what is sent; None for something to begin with.
    """

    host: str
    port: int
    token: bool = False
    channel: str = "default"
    content_type: str = content.TEXT
    payload: Payload | None = None

    @property
    def address(self) -> str:
        """The host to send to: a server that listens on every address is reached on this machine's own."""
        return "127.0.0.1" if self.host in _WILDCARDS else self.host

    @property
    def body(self) -> Payload | None:
        """The payload, or one to begin with; None where there is none that could be written into a snippet."""
        body = _BEGINNINGS.get(self.content_type) if self.payload is None else self.payload
        return body if body is not None and len(body) <= INLINE_BYTES else None


def file_name(target: Target) -> str:
    """Return a name for a file that holds the payload: the channel's last level, with the ending of its type."""
    level = target.channel.rstrip("/").rsplit("/", 1)[-1]
    safe = "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in level).strip(".")
    return (safe or "payload") + suffix_for(target.content_type)


def _inline_text(target: Target) -> str | None:
    """Return the payload as text, where it is short enough and text that a command line can hold."""
    if target.body is None or not is_text(target.content_type):
        return None
    try:
        text = str(bytes(target.body), "utf-8")
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else text


def curl_snippet(target: Target) -> str:
    """Return a command line for a POSIX shell that publishes the payload; a file is named where it is not inline."""
    host = target.address
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    url = f"http://{host}:{target.port}/channels/{quote(target.channel, safe='/')}"
    words = ["curl", "-X", "PUT", url, "-H", f"Content-Type: {target.content_type}"]
    if any(level in (".", "..") for level in target.channel.split("/")):
        words.insert(1, "--path-as-is")  # curl would resolve them
    if target.token:
        words += ["-H", f"Authorization: Bearer {_TOKEN}"]
    text = _inline_text(target)
    # --data-raw, because --data-binary takes what begins with @ for the name of a file.
    words += ["--data-binary", f"@{file_name(target)}"] if text is None else ["--data-raw", text]
    return shlex.join(words)


def python_snippet(target: Target) -> str:
    """Return a Python program that publishes the payload by `hdaemon.client`; see `curl_snippet`."""
    token = f', token="{_TOKEN}"' if target.token else ""
    lines = ["from hdaemon.client import Client", ""]
    value, more = _python_value(target)
    if value is None:
        lines.insert(0, "from pathlib import Path\n")
        value = f"Path({_literal(file_name(target))}).read_bytes()"
        more = f", content_type={_literal(target.content_type)}"
    lines.append(f"with Client({_literal(target.address.strip('[]'))}, {target.port}{token}) as client:")
    lines.append(f"    client.send({value}, channel={_literal(target.channel)}{more})")
    return "\n".join(lines) + "\n"


def _python_value(target: Target) -> tuple[str | None, str]:
    """Return the value as Python writes it, and the argument for its type where the client would choose another."""
    kind = target.content_type
    if target.body is None:
        return None, ""
    if kind == content.JSON:
        try:
            value = content.decode(kind, target.body)
        except DecodeError:
            return None, ""
        # The client sends a str as text: only levels are JSON by themselves.
        return _literal(value), "" if isinstance(value, (dict, list)) else f", content_type={_literal(kind)}"
    text = _inline_text(target)
    if text is not None:
        return _literal(text), "" if kind == content.TEXT else f", content_type={_literal(kind)}"
    return None, ""


def _literal(value: Any) -> str:
    """Return how Python writes a value of JSON; strings as JSON does, which Python reads alike."""
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return f"[{', '.join(map(_literal, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_literal(key)}: {_literal(item)}' for key, item in value.items())}}}"
    return repr(value)
