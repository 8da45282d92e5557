"""What ``GET /status`` shows of a server. Called on the server thread."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import hdaemon
from hdaemon.server.shared import OFFERED

if TYPE_CHECKING:
    from hdaemon.server.loop import ServerLoop

__all__ = ["status"]


def status(server: ServerLoop) -> dict[str, Any]:
    """Return it, for JSON: see docs/wire.md. The token is not in it."""
    from hdaemon.content import bounds, safetensors  # for those who ask
    from hdaemon.content import json as strict_json

    return {
        "name": server.name,
        "version": hdaemon.__version__,
        "host": server.host,
        "port": server.port,
        "mode": server.mode,
        "locked": server.locked,
        "messages": server.messages_received,
        "bytes": server.bytes_received,
        "wrong_tokens": server.wrong_tokens,
        "clients": [
            {"name": client.name, "address": client.address, "messages": client.messages, "bytes": client.bytes}
            for client in server.clients
        ],
        "limits": asdict(server.limits),
        "decoding_limits": {
            "max_depth": strict_json.MAX_DEPTH,
            "max_values": bounds.MAX_VALUES,
            "max_safetensors_head_bytes": safetensors.MAX_HEAD_BYTES,
            "max_tensors": safetensors.MAX_TENSORS,
        },
        "shared_memory": OFFERED,
    }
