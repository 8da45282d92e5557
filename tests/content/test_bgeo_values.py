"""Numbers in their spellings, pages and flags, storages, strings and groups; each that does not fit is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.content import bgeo, bgeo_encode
from hdaemon.content.bgeo_values import Budget, attribute, group
from hdaemon.content.mesh import Mesh, Strings
from hdaemon.errors import DecodeError

STORAGES = {
    "fpreal16": "<f2",
    "fpreal32": "<f4",
    "fpreal64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
}


def values(count: int, size: int = 1, storage: str = "fpreal32", **block: Any) -> Any:
    data = ["size", size, "storage", storage, *(part for pair in block.items() for part in pair)]
    entry: list[Any] = [["type", "numeric", "name", "a"], ["size", size, "storage", storage, "values", data]]
    return attribute(entry, count, Budget(1000), [], "the attribute")[0]


@pytest.mark.parametrize("storage", STORAGES)
def test_each_storage_in_each_spelling(storage: str) -> None:
    flat = [1, 2, 3, 4, 5, 6]
    for block in (
        {"tuples": [[1, 2], [3, 4], [5, 6]]},
        {"arrays": [[1, 3, 5], [2, 4, 6]]},
        {"pagesize": 1024, "rawpagedata": flat},
        {"pagesize": 1024, "rawpagedata": np.array(flat, STORAGES[storage])},
        {"packing": [2], "pagesize": 1024, "constantpageflags": [[]], "rawpagedata": flat},
        {"packing": [1, 1], "pagesize": 1024, "rawpagedata": [1, 3, 5, 2, 4, 6]},
    ):
        made = values(3, 2, storage, **block)
        assert made.dtype.str == STORAGES[storage]
        assert made.tolist() == [[1, 2], [3, 4], [5, 6]]


def test_pages_and_constant_flags_by_hand() -> None:
    """Pages of 2 of five elements; the tuple in parts of 1 and 2; each part is constant on some pages."""
    made = values(
        5,
        3,
        "int32",
        packing=[1, 2],
        pagesize=2,
        constantpageflags=[[True, False, True], [False, True, False]],
        rawpagedata=[10, 20, 30, 21, 31, 12, 13, 22, 32, 14, 24, 34],
    )
    assert made.tolist() == [[10, 20, 30], [10, 21, 31], [12, 22, 32], [13, 22, 32], [14, 24, 34]]


@given(st.data())
def test_any_packing_and_flags(data: st.DataObject) -> None:
    packing = data.draw(st.lists(st.integers(1, 3), min_size=1, max_size=4))
    count, page_size = data.draw(st.integers(0, 9)), data.draw(st.integers(1, 4))
    size, pages = sum(packing), -(-count // page_size)
    table = np.arange(count * size).reshape(count, size)
    flags, raw = [], []
    for _ in packing:
        flags.append(data.draw(st.one_of(st.just([]), st.lists(st.booleans(), min_size=pages, max_size=pages))))
    for page in range(pages):
        first = 0
        for width, constant in zip(packing, flags, strict=True):
            block = table[page * page_size : (page + 1) * page_size, first : first + width]
            if constant and constant[page]:
                block[:] = block[:1]
                block = block[:1]
            raw += block.reshape(-1).tolist()
            first += width
    spelled: Any = {"packing": packing, "pagesize": page_size, "constantpageflags": flags, "rawpagedata": raw}
    assert values(count, size, "int64", **spelled).tolist() == table.tolist()
    with pytest.raises(DecodeError):
        values(count, size, "int64", **spelled | {"rawpagedata": [*raw, 0]})
    if raw:
        with pytest.raises(DecodeError):
            values(count, size, "int64", **spelled | {"rawpagedata": raw[:-1]})


PAGED = {"pagesize": 1024, "rawpagedata": [1, 2, 3]}


@pytest.mark.parametrize(
    ("block", "error"),
    [
        ({}, "has none of tuples, arrays, rawpagedata"),
        (PAGED | {"tuples": []}, "has ['tuples', 'rawpagedata'] of"),
        ({"rawpagedata": [1, 2, 3]}, "has no pagesize"),
        (PAGED | {"pagesize": 0}, "has the pagesize 0"),
        (PAGED | {"pagesize": -1}, "is -1, and not a number from 0"),
        (PAGED | {"pagesize": True}, "is True, and not a number from 0"),
        (PAGED | {"pagesize": 2.0}, "is 2.0"),
        (PAGED | {"rawpagedata": [1, 2]}, "has 2 numbers, and 3 elements of 1 are due"),
        (PAGED | {"rawpagedata": [1, 2, "3"]}, "and not a list of numbers"),
        (PAGED | {"rawpagedata": [1, 2, None]}, "and not a list of numbers"),
        (PAGED | {"rawpagedata": [[1], [2], [3]]}, "and not a list of numbers"),
        (PAGED | {"rawpagedata": [1, [2], 3]}, "is not a table of numbers"),
        (PAGED | {"rawpagedata": "abc"}, "is 'abc', and not a list of numbers"),
        (PAGED | {"rawpagedata": [1, 2, 10**30]}, "and not a list of numbers"),
        (PAGED | {"rawpagedata": np.array([True] * 3)}, "is an array of bool, and its storage is fpreal32"),
        (PAGED | {"rawpagedata": np.array([1, 2, 3], "i4")}, "is an array of int32, and its storage is fpreal32"),
        (PAGED | {"packing": [2]}, "has the packing [2], and the size 1"),
        (PAGED | {"packing": [1, 0]}, "has the packing [1, 0]"),
        (PAGED | {"packing": [2, -1]}, "has the packing [2, -1]"),
        (PAGED | {"packing": []}, "has the packing []"),
        (PAGED | {"packing": [1.0]}, "has 1.0 in it, and not integers only"),
        (PAGED | {"constantpageflags": [[True]]}, "has 3 numbers, and its pages need 1"),
        (PAGED | {"constantpageflags": []}, "1 lists of them are due"),
        (PAGED | {"constantpageflags": [[True, True]]}, "not one truth value for each of its 1 pages"),
        (PAGED | {"constantpageflags": [[2]]}, "not one truth value"),
        (PAGED | {"constantpageflags": [5]}, "not one truth value"),
        (
            PAGED | {"pagesize": 1, "constantpageflags": [[False, True, True]], "rawpagedata": [1, 2]},
            "has 2 numbers, and its pages need 3",
        ),
        (PAGED | {"surprise": 1}, "has the field 'surprise', and size, storage"),
        ({"tuples": [[1], [2]]}, "has 2 tuples, and 3 are due"),
        ({"tuples": [[1], [2], [3, 4]]}, "is not a table of numbers"),
        ({"tuples": [[1, 2], [3, 4], [5, 6]]}, "is a table of 3 by 2, and 3 by 1 are due"),
        ({"tuples": [1, 2, 3]}, "and not a table of numbers"),
        ({"tuples": 5}, "is 5, and not a list of lists"),
        ({"arrays": [[1, 2]]}, "is a table of 1 by 2, and 1 by 3 are due"),
        ({"arrays": [[1, 2, 3], [4, 5, 6]]}, "has 2 arrays, and 1 are due"),
    ],
)
def test_numbers_that_do_not_fit_are_refused(block: dict[str, Any], error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        values(3, 1, "fpreal32", **block)
    assert error in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("storage", "raw", "error"),
    [
        ("int32", np.array([True]), "are truth values, and not numbers"),
        ("int32", [1.5], "has 1.5 in it, and its storage is of integers"),
        ("int32", [2**31], "a number in it that its storage does not hold"),
        ("uint8", [-1], "does not hold"),
        ("int9", [1], "has the storage 'int9', which is none of fpreal16"),
        (5, [1], "has the storage 5"),
        ([], [1], "has the storage []"),
    ],
)
def test_storages_that_do_not_fit_are_refused(storage: Any, raw: Any, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        values(1, 1, storage, pagesize=1024, rawpagedata=raw)
    assert error in str(caught.value)


def test_what_is_beyond_a_float32_is_infinite() -> None:
    assert values(2, 1, "fpreal32", arrays=[[1e300, -1e300]]).tolist() == [[float("inf")], [float("-inf")]]


def test_nothing_of_any_size() -> None:
    for block in ({"tuples": []}, {"arrays": [[], []]}, {"pagesize": 1024, "rawpagedata": []}):
        assert values(0, 2, **block).shape == (0, 2)
    with pytest.raises(DecodeError, match="has values, and none are due"):
        values(0, 2, arrays=[[], [1]])
    with pytest.raises(DecodeError, match="the size 0"):
        values(0, 0, tuples=[])


def document(count: int, **sections: Any) -> list[Any]:
    """Return the tree of as many points, with these sections in it or in its place."""
    block = ["size", 3, "storage", "fpreal32", "pagesize", 1024, "rawpagedata", np.zeros(3 * count, "<f4")]
    made: dict[str, Any] = {"pointcount": count, "vertexcount": 0, "primitivecount": 0}
    points = [["type", "numeric", "name", "P"], ["size", 3, "storage", "fpreal32", "values", block]]
    made["attributes"] = ["pointattributes", [points, *sections.pop("more", [])]]
    return [part for pair in (made | sections).items() for part in pair]


def read(tree: list[Any]) -> Mesh:
    return bgeo.read(b"".join(bgeo_encode.binary_parts(tree)))


def numeric(name: str, **block: Any) -> list[Any]:
    spelled = ["size", 1, "storage", "int32", *(part for pair in block.items() for part in pair)]
    return [["scope", "public", "type", "numeric", "name", name], ["size", 1, "storage", "int32", "values", spelled]]


def test_a_few_bytes_do_not_become_many() -> None:
    """A page of constant values can stand for any number; what all of them would need is counted first."""
    flags = {"pagesize": 2**40, "constantpageflags": [[True]], "rawpagedata": [0]}
    tree = [part for pair in {"pointcount": 2**40, "vertexcount": 0, "primitivecount": 0}.items() for part in pair]
    with pytest.raises(DecodeError, match="bytes that pass the limit of 25165824 for what this payload unpacks to"):
        read([*tree, "attributes", ["pointattributes", [numeric("P", **flags)]]])
    constant = {"pagesize": 1024, "constantpageflags": [[True]], "rawpagedata": [7]}
    assert read(document(1000, more=[numeric("a", **constant)])).point["a"].tolist() == [7] * 1000
    many = [numeric(f"a{at}", **(constant | {"pagesize": 10**6})) for at in range(300)]
    with pytest.raises(DecodeError, match="pass the limit of"):
        read(document(100_000, more=many))


def test_homogeneous_points_of_houdini_13() -> None:
    tree: list[Any] = ["pointcount", 2, "vertexcount", 0, "primitivecount", 0, "attributes"]
    entry: list[Any] = [["type", "numeric", "name", "P"], ["values", ["size", 4, "storage", "fpreal32", "tuples"]]]
    entry[1][1].append([[1, 2, 3, 1], [4, 5, 6, 1]])
    mesh = bgeo.read(json.dumps([*tree, ["pointattributes", [entry]]]).encode())
    assert mesh.points.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert mesh.notes == ()
    entry[1][1][-1] = [[1, 2, 3, 1], [4, 5, 6, 2]]
    mesh = bgeo.read(json.dumps([*tree, ["pointattributes", [entry]]]).encode())
    assert mesh.notes == ("the weights of the points (the fourth number of P) were left out",)


def test_what_a_mesh_does_not_hold_is_noted_by_name() -> None:
    other = [["scope", "public", "type", "dict", "name", "settings"], ["size", 1, "dicts", [{}]]]
    lists = [["scope", "public", "type", "arraydata", "name", "lists"], ["size", 1]]
    private = [["scope", "private", "type", "numeric", "name", "secret"], ["size", 1]]
    selection = ["selection", ["ordered", [1, 0]]]
    mesh = read(
        document(
            2,
            more=[other, lists, private],
            pointgroups=[[["name", "path"], selection]],
            vertexgroups=[[["name", "v"], selection]],
            edgegroups=[],
            surprise=1,
        )
    )
    assert mesh.notes == (
        "the point attribute 'settings' was left out: its type is 'dict', and a mesh holds numbers and strings",
        "the point attribute 'lists' was left out: its type is 'arraydata', and a mesh holds numbers and strings",
        "the point attribute 'secret' was left out: its scope is 'private'",
        "the order of the point group 'path' was left out; its members were kept",
        "the section 'vertexgroups' was left out",
        "the section 'surprise' was left out",
    )
    assert mesh.point_groups["path"].tolist() == [True, True]


def test_notes_are_for_people_and_not_without_end() -> None:
    more = [[["type", "dict", "name", f"a{at}"], []] for at in range(1000)]
    notes = read(document(1, more=more)).notes
    assert len(notes) == 51
    assert notes[-1] == "and 950 more were left out"


def strings(table: Any, indices: Any, count: int = 2) -> Any:
    block = ["size", 1, "storage", "int32", "pagesize", 1024, "rawpagedata", indices]
    entry: list[Any] = [
        ["type", "string", "name", "a"],
        ["size", 1, "storage", "int32", "strings", table, "indices", block],
    ]
    return attribute(entry, count, Budget(1000), [], "the attribute")[0]


def test_strings() -> None:
    assert strings(["a", "b"], [1, -1]) == Strings(["a", "b"], [[1], [-1]])
    assert strings([], [-1], 1).tolist() == [[""]]
    for table, indices, error in (
        (["a"], [0, 1], "index 1 of strings is 1, and the table has 1 strings"),
        (["a"], [0, -2], "index 1 of strings is -2"),
        (["a", 5], [0, 0], "string 1 of the table is 5"),
        ("ab", [0, 0], "are 'ab', and not a list"),
        (["a"], [0], "has 1 numbers, and 2 elements of 1 are due"),
    ):
        with pytest.raises(DecodeError) as caught:
            strings(table, indices)
        assert error in str(caught.value)


def members(*selection: Any, count: int = 4) -> list[bool]:
    entry = [["name", "g"], ["selection", list(selection)]]
    found: list[bool] = group(entry, count, Budget(100), "point group")[1].tolist()
    return found


def test_groups() -> None:
    in_it = [True, False, True, True]
    assert members("unordered", ["i8", [1, 0, 1, 1]]) == in_it
    assert members("defaults", [], "unordered", ["i8", np.array([1, 0, 1, 1], "i1")]) == in_it
    assert members("unordered", ["boolRLE", [1, True, 1, False, 2, True]]) == in_it
    assert members("unordered", ["boolRLE", [0, False, 1, True, 1, False, 2, True]]) == in_it
    assert members("ordered", [3, 0, 2]) == in_it
    assert members("ordered", []) == [False] * 4
    assert members("unordered", ["boolRLE", []], count=0) == []


@pytest.mark.parametrize(
    ("selection", "error"),
    [
        (["unordered", ["i8", [1, 0, 1]]], "has 3 values, and 4 of 0 or 1 are due"),
        (["unordered", ["i8", [1, 0, 1, 2]]], "of 0 or 1 are due"),
        (["unordered", ["boolRLE", [4]]], "and not lengths and truth values in turn"),
        (["unordered", ["boolRLE", [4, 1]]], "and not lengths and truth values in turn"),
        (["unordered", ["boolRLE", [True, True]]], "and not a list of numbers"),
        (["unordered", ["boolRLE", [3, True]]], "is of 3 elements, and there are 4"),
        (["unordered", ["boolRLE", [5, True]]], "a run that is not of 0 to 4 elements"),
        (["unordered", ["boolRLE", [-1, True, 5, True]]], "a run that is not of 0 to 4"),
        (["unordered", ["boolRLE", [2**62, True] * 4]], "a run that is not of 0 to 4"),
        (["unordered", ["b", []]], "has no i8 or boolRLE"),
        (["ordered", [4]], "has a member that does not exist: there are 4"),
        (["ordered", [-1]], "has a member that does not exist"),
        (["ordered", [0.5]], "not integers only"),
        ([], "has no unordered"),
    ],
)
def test_groups_that_do_not_fit_are_refused(selection: list[Any], error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        members(*selection)
    assert error in str(caught.value)
