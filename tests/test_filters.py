"""Filters of channels: the examples of MQTT 5.0, 4.7, and what is no filter."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.errors import UsageError
from hdaemon.filters import ChannelFilter

MATCHES = [
    ("maya/body", "maya/body"),
    ("maya/#", "maya"),
    ("maya/#", "maya/body"),
    ("maya/#", "maya/body/mesh"),
    ("#", "maya/body/mesh"),
    ("#", "/"),
    ("maya/+", "maya/body"),
    ("maya/+", "maya/"),
    ("+/+", "/finance"),
    ("/+", "/finance"),
    ("+", "maya"),
    ("+/body/#", "maya/body"),
    ("+/+/mesh", "maya/body/mesh"),
    ("$SYS/#", "$SYS/x"),
    ("$SYS/+", "$SYS/x"),
    ("a/$b/#", "a/$b"),
]
OTHERS = [
    ("maya/body", "maya"),
    ("maya/body", "Maya/body"),
    ("maya/body", "maya/body/"),
    ("maya/#", "mayab"),
    ("maya/#", "/maya"),
    ("maya/+", "maya"),
    ("maya/+", "maya/body/mesh"),
    ("+", "/finance"),
    ("#", "$SYS/x"),
    ("+/x", "$SYS/x"),
    ("+/+/mesh", "maya/body"),
    ("maya/+/#", "maya"),
]


@pytest.mark.parametrize(("text", "channel"), MATCHES)
def test_matches(text: str, channel: str) -> None:
    wanted = ChannelFilter(text)
    assert channel in wanted
    assert channel in wanted  # the second answer is a remembered one


@pytest.mark.parametrize(("text", "channel"), OTHERS)
def test_does_not_match(text: str, channel: str) -> None:
    wanted = ChannelFilter(text)
    assert channel not in wanted
    assert channel not in wanted


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "1 to 256 bytes"),
        (257 * "a", "1 to 256 bytes"),
        ("a\0b", "control character"),
        ("a+", "stands alone"),
        ("a/b#", "stands alone"),
        ("a/++", "stands alone"),
        ("#/a", "only be the last"),
        ("a/#/b", "only be the last"),
    ],
)
def test_is_no_filter(text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        ChannelFilter(text)


def test_what_is_remembered_is_bounded() -> None:
    wanted = ChannelFilter("a/+")
    for number in range(5000):
        assert f"a/{number}" in wanted
    assert len(wanted._known) <= 1000


@given(st.lists(st.sampled_from(["a", "b", "", "é"]), min_size=1, max_size=5))
def test_every_generalisation_of_a_name_matches_it(levels: list[str]) -> None:
    channel = "/".join(levels)
    if not channel:
        return
    for index in range(len(levels)):
        assert channel in ChannelFilter("/".join([*levels[:index], "+", *levels[index + 1 :]]))
        assert channel in ChannelFilter("/".join([*levels[:index], "#"]))
    assert channel in ChannelFilter(channel + "/#")
