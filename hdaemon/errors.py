"""Every exception hdaemon raises, in one tree.

::

    HdaemonError
    ├── UsageError (ValueError)     our caller's mistake: a mode, port or framing that does not exist
    ├── BindError (OSError)         the server could not listen; says where, why and what to do
    ├── PayloadGone (LookupError)   a log row's payload was let go to keep the log within its limit
    ├── NoData (KeyError)           nothing is stored on that channel yet
    ├── SendError                   `hdaemon send` could not send, or the server refused
    └── DecodeError (ValueError)    the peer's fault: a payload that is not what its content type says

The text of each says what happened, where, and what to do next.
"""

from __future__ import annotations

__all__ = ["BindError", "DecodeError", "HdaemonError", "NoData", "PayloadGone", "SendError", "UsageError"]


class HdaemonError(Exception):
    """The root of the tree: `except HdaemonError` catches all that hdaemon raises on purpose."""


class UsageError(HdaemonError, ValueError):
    """A value that hdaemon does not take, given by the code that calls it."""


class BindError(HdaemonError, OSError):
    """The server could not listen at the address asked for."""


class PayloadGone(HdaemonError, LookupError):
    """The payload of a log row was let go; its preview is still there."""


class NoData(HdaemonError, KeyError):
    """Nothing has been stored on the channel asked for."""

    def __str__(self) -> str:
        """Return the text as written: KeyError would show its repr."""
        return str(self.args[0]) if self.args else ""


class DecodeError(HdaemonError, ValueError):
    """A payload does not decode as its content type."""


class SendError(HdaemonError):
    """It could not be sent, or the server refused it; says where, why and what to do."""
