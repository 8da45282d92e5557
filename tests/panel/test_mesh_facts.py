"""What is written about a mesh."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hdaemon_panel.arrays_table import Extremes, extremes
from hdaemon_panel.mesh_facts import arrays_of, facts_of
from meshes import small

from hdaemon.content.mesh import Mesh


def test_counts():
    assert facts_of(small()).counts == "7 points   2 polygons   1 curve   9 vertices"
    assert facts_of(Mesh([[0, 0, 0]], [1], [0])).counts == "1 point   1 polygon   1 vertex"
    assert facts_of(Mesh(np.zeros((1500, 3)))).counts == "1,500 points   0 polygons"


def test_the_box_is_in_metres():
    facts = facts_of(Mesh([[0, 0, -100], [50, 200, 25]], metres_per_unit=0.01))
    assert facts.size == "0.5 × 2 × 1.25 m"
    assert facts.place == "min (0, 0, -1)   max (0.5, 2, 0.25)"
    assert facts.conventions == "clockwise   Y up   1 unit = 0.01 m"


@pytest.mark.parametrize(
    ("points", "size"),
    [([], ""), ([[math.nan, 0, 0]], "points that are no finite number")],
)
def test_no_box(points, size):
    facts = facts_of(Mesh(points, up="Z", winding="counterclockwise"))
    assert (facts.size, facts.place) == (size, "")
    assert facts.conventions == "counterclockwise   Z up   1 unit = 1 m"


def test_rows():
    mesh = small()
    rows = {row.key: row for row in facts_of(mesh).rows}
    assert next(iter(rows)) == "point/P"
    assert rows["point/P"].cells(Extremes())[:4] == ("P", "point", "float32[3]", "point")
    found = {key: extremes(array) for key, array in arrays_of(mesh).items()}
    assert rows["point/N"].cells(found["point/N"])[:6] == ("N", "point", "float32[3]", "normal", "-1", "1")
    assert rows["vertex/half"].type == "float16"
    assert rows["prim/name"].type == "string"
    assert rows["prim/name"].values == "2 different: 'body', 'strand'"
    assert rows["prim/layers"].type == "string[2]"
    assert rows["detail/frame"].type == "int32" or rows["detail/frame"].type == "int64"
    assert rows["detail/range"].type == "float64[2]"
    assert rows["detail/shot"].values == "'sq010'"
    assert rows["point_group/pinned"].cells(Extremes())[:3] == ("pinned", "point", "group")
    assert rows["point_group/pinned"].values == "2 of 7"
    assert rows["prim_group/none"].values == "0 of 3"
    assert set(arrays_of(mesh)) == {row.key for row in rows.values() if row.type.startswith(("float", "int"))}


def test_values_that_are_not_a_number_are_counted():
    (row,) = facts_of(Mesh([[math.nan, 0, 1]])).rows
    assert row.cells(extremes(np.array([math.nan, 0, 1])))[4:] == ("0", "1", "1 NaN   [nan, 0, 1]")
