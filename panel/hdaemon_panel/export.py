"""Rows of the log as text or NDJSON, for the clipboard and for files."""

from __future__ import annotations

import base64
import datetime
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from hdaemon.content import Payload
from hdaemon.log import Row
from hdaemon_panel.examine import is_text

__all__ = ["as_ndjson", "as_text", "collecting", "saving", "writing"]

_PART = 256 * 1024
"""Bytes of a payload that are written before the interface gets its turn."""


def _moment(row: Row) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(row.time).astimezone()


def _whole_text(row: Row) -> str | None:
    """Return the payload of text and JSON as it is written; None for what is neither. Nothing is decoded for it."""
    if row.message is None or not is_text(row.content_type):
        return None
    try:
        return str(row.payload, "utf-8")
    except UnicodeDecodeError:
        return None


def as_text(row: Row) -> str:
    """Return a row as one line of tab-separated text: time, client, channel, type or event, bytes, message.

    Text messages are whole, with line ends and tabs as backslash escapes. Bytes are a preview in hexadecimal.
    """
    time = _moment(row).isoformat(" ", "milliseconds")[:23]
    if row.event is not None:
        return "\t".join((time, row.client, "", row.event, "", row.text))
    text = row.text
    whole = _whole_text(row)
    if whole is not None:
        text = whole.replace("\\", "\\\\").replace("\t", "\\t").replace("\r", "\\r").replace("\n", "\\n")
    return "\t".join((time, row.client, row.channel, row.content_type, str(row.size), text))


def as_ndjson(row: Row) -> str:
    """Return a row as one JSON object.

    A lifecycle row has ``event`` and ``text``; a data row ``serial``, ``channel``, ``type``, ``size``, ``mode`` and
    ``text``, or ``base64`` for what is not text, or ``preview`` where the payload was let go.
    """
    entry: dict[str, object] = {"row": row.number, "time": _moment(row).isoformat(), "client": row.client}
    if row.event is not None:
        entry |= {"event": row.event, "text": row.text}
    else:
        entry |= {"serial": row.serial, "channel": row.channel, "type": row.content_type, "size": row.size}
        entry["mode"] = row.mode
        if row.message is None:
            entry["preview"] = row.text
        else:
            whole = _whole_text(row)
            if whole is not None:
                entry["text"] = whole
            else:
                entry["base64"] = base64.b64encode(row.payload).decode()
    return json.dumps(entry, ensure_ascii=False)


def writing(rows: Iterable[Row | None], path: Path) -> Iterator[None]:
    """Write rows to `path`, yielding after each: NDJSON for ``.ndjson``, ``.jsonl`` and ``.json``, else text.

    The file appears under its name when it is complete; until then, and when it fails, what was there stays.

    Raises:
        OSError: the file cannot be written (no permission, a full disk).
    """
    line = as_ndjson if path.suffix.lower() in (".ndjson", ".jsonl", ".json") else as_text
    with _whole_file(path) as file:
        for row in rows:
            if row is not None:
                file.write((line(row) + "\n").encode())
            yield


def saving(payload: Payload, path: Path) -> Iterator[None]:
    """Write the bytes of a payload to `path`, yielding now and then; see `writing`.

    Raises:
        OSError: the file cannot be written (no permission, a full disk).
    """
    view = memoryview(payload)
    with _whole_file(path) as file:
        for begin in range(0, len(view), _PART):
            file.write(view[begin : begin + _PART])
            yield


@contextmanager
def _whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that appears under its name when the block is done, and not when it fails."""
    partial = path.with_name(path.name + ".part")
    try:
        with partial.open("wb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def collecting(rows: Iterable[Row | None], lines: list[str]) -> Iterator[None]:
    """Append rows as text to `lines`; yield after each row."""
    for row in rows:
        if row is not None:
            lines.append(as_text(row))
        yield
