"""Limits are checked when they are made."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from hdaemon.errors import UsageError
from hdaemon.wire.limits import MIB, Limits


def test_the_defaults_of_the_design() -> None:
    limits = Limits()
    assert limits.max_clients == 64
    assert limits.max_raw_message_bytes == 64 * MIB
    assert limits.max_websocket_message_bytes == 64 * MIB
    assert limits.max_queued_bytes == 64 * MIB
    assert limits.ping_s == 20
    assert limits.silence_s == 0.05
    assert limits.log_rows == 100_000
    assert limits.log_payload_bytes == 256 * MIB


@pytest.mark.parametrize("name", [item.name for item in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, True, "12", None, math.nan])
def test_what_is_no_positive_number_is_refused(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=f"limit {name} is .* above 0"):
        Limits(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["max_clients", "log_rows", "log_payload_bytes", "max_raw_message_bytes"])
def test_what_is_counted_is_a_whole_number(name: str) -> None:
    with pytest.raises(UsageError, match="whole number"):
        Limits(**{name: 2.5})  # type: ignore[arg-type]
