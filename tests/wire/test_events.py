"""Events cannot be changed."""

from __future__ import annotations

import pytest

from hdaemon.wire.events import Lines, ModeWord, Payload, Refused


@pytest.mark.parametrize(
    "event", [Lines(b"a\n", 1), Payload("text/plain", b"a"), ModeWord("print"), Refused("why", b"")]
)
def test_events_are_facts(event: object) -> None:
    for name in event._fields:  # type: ignore[attr-defined]
        with pytest.raises(AttributeError):
            setattr(event, name, None)
