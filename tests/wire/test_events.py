"""Events cannot be changed."""

from __future__ import annotations

import dataclasses

import pytest

from hdaemon.wire.events import Lines, ModeWord, Payload, Refused


@pytest.mark.parametrize(
    "event", [Lines(b"a\n", 1), Payload("text/plain", b"a"), ModeWord("print"), Refused("why", b"")]
)
def test_events_are_facts(event: object) -> None:
    name = dataclasses.fields(event)[0].name  # type: ignore[arg-type]
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(event, name, None)
