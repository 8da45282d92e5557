"""Channel names as a tree."""

from __future__ import annotations

import pytest
from hdaemon_panel import channel_tree
from hdaemon_panel.channel_tree import ChannelTree
from hypothesis import given
from hypothesis import strategies as st

LEVELS = st.text(alphabet="ab1/", min_size=1, max_size=6)


def shown(tree: ChannelTree, needle: str = "") -> list[str]:
    return [node.path for node in tree.shown(needle) if node is not None]


def made(*names: str) -> ChannelTree:
    tree = ChannelTree()
    for name in names:
        tree.add(name)
    return tree


def test_levels_above_come_first_and_names_count_as_people_do():
    tree = made("rig/joint10", "rig/joint2", "Maya/body", "default", "rig")
    assert shown(tree) == ["default", "Maya", "Maya/body", "rig", "rig/joint2", "rig/joint10"]
    assert [node.depth for node in tree.shown()] == [0, 0, 1, 0, 1, 1]


def test_a_level_may_be_a_channel_too():
    tree = made("maya", "maya/body")
    maya = tree.find("maya")
    assert maya.is_channel
    assert maya.below == 1
    tree.remove("maya")
    assert shown(tree) == ["maya", "maya/body"]
    tree.remove("maya/body")
    assert shown(tree) == []


@pytest.mark.parametrize("name", ["/a", "a/", "a//b", "/"])
def test_empty_levels_are_levels(name):
    tree = made(name)
    assert tree.find(name).is_channel
    tree.remove(name)
    assert shown(tree) == []


def test_closed_levels_hide_what_is_below():
    tree = made("a/b/c", "a/d", "e")
    tree.find("a/b").expanded = False
    assert shown(tree) == ["a", "a/b", "a/d", "e"]
    tree.find("a").expanded = False
    assert shown(tree) == ["a", "e"]
    assert [node.path for node in tree.shown_below(tree.find("a"))] == ["a/b", "a/d"]


def test_a_filter_shows_matches_and_the_levels_above_whatever_is_open():
    tree = made("rig/camera", "rig/light", "sim/Camera/left")
    tree.find("rig").expanded = False
    assert shown(tree, "CAMERA") == ["rig", "rig/camera", "sim", "sim/Camera", "sim/Camera/left"]
    assert shown(tree, "rig/li") == ["rig", "rig/light"]
    assert shown(tree, "none") == []


def test_with_many_channels_new_levels_are_closed(monkeypatch):
    monkeypatch.setattr(channel_tree, "_EXPANDED_UP_TO", 2)
    tree = made("a/1", "b/1", "c/1", "d/1")
    assert shown(tree) == ["a", "a/1", "b", "b/1", "c", "c/1", "d"]


@given(st.lists(LEVELS, max_size=12), st.data())
def test_same_as_one_made_of_what_is_left(names, data):
    tree = made(*dict.fromkeys(names))
    gone = data.draw(st.sets(st.sampled_from(names))) if names else set()
    for name in gone:
        tree.remove(name)
    left = [name for name in dict.fromkeys(names) if name not in gone]
    assert shown(tree) == shown(made(*left))
    assert tree.root.below == len(left)
    levels = {"/".join(name.split("/")[: end + 1]) for name in left for end in range(name.count("/") + 1)}
    assert set(shown(tree)) == levels
