"""What the add-on for Blender reads out of objects, compared with what is read here, one corner after the other.

Each case is called by blender_addon.py with a new scene.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import bpy
import numpy as np
from blender_world import MODULE, World, added, say
from mathutils import Matrix


def texture(mesh: Any) -> Any:
    """Return a colour attribute's values that differ everywhere, half of them of alpha below 1."""
    rng = np.random.default_rng(7)
    return rng.random((len(mesh.loops), 4), np.float32)


def assert_equal(obj: Any, mesh: Any, *, world: bool = True, uv: str = "", colour: str = "") -> None:
    """Compare what arrived with the evaluated object, read polygon by polygon and corner by corner."""
    depsgraph = bpy.context.evaluated_depsgraph_get()
    evaluated = obj.evaluated_get(depsgraph)
    wanted = evaluated.to_mesh(preserve_all_data_layers=True, depsgraph=depsgraph)
    matrix = evaluated.matrix_world if world else Matrix.Identity(4)
    turn = matrix.to_3x3().inverted().transposed()
    positions, normals, coordinates, colours = [], [], [], []
    for polygon in wanted.polygons:
        for vertex, loop in zip(polygon.vertices, polygon.loop_indices, strict=True):
            positions.append(tuple(matrix @ wanted.vertices[vertex].co))
            normals.append(tuple((turn @ wanted.corner_normals[loop].vector).normalized()))
            if uv:
                coordinates.append(tuple(wanted.uv_layers[uv].uv[loop].vector))
            if colour:
                attribute = wanted.color_attributes[colour]
                colours.append(tuple(attribute.data[loop if attribute.domain == "CORNER" else vertex].color))
    assert len(mesh.points) == len(wanted.vertices)
    assert mesh.counts.tolist() == [len(polygon.vertices) for polygon in wanted.polygons]
    near(mesh.points[mesh.indices], positions)
    near(mesh.vertex["N"], normals, 1e-5)
    if uv:
        assert [tuple(each) for each in mesh.vertex["uv"].tolist()] == coordinates
    if colour:
        at_corner = wanted.color_attributes[colour].domain == "CORNER"
        cls, at = (mesh.vertex, slice(None)) if at_corner else (mesh.point, mesh.indices)
        assert [tuple(each) for each in cls["Cd"][at].tolist()] == [each[:3] for each in colours]
        assert cls["Alpha"][at].tolist() == [each[3] for each in colours]
    evaluated.to_mesh_clear()
    assert_faces_outward(mesh)


def assert_faces_outward(mesh: Any) -> None:
    """In Houdini's conventions polygons are clockwise: the right-hand rule gives the opposite of the normals."""
    made = mesh.converted()
    assert (made.winding, made.up, made.metres_per_unit) == ("clockwise", "Y", 1.0)
    np.testing.assert_allclose(
        made.points * np.float32(1 / mesh.metres_per_unit),
        np.stack([mesh.points[:, 0], mesh.points[:, 2], -mesh.points[:, 1]], axis=1),
        rtol=1e-5,
    )
    ends = np.cumsum(made.counts)
    for begin, end in zip(ends - made.counts, ends, strict=True):
        at = made.points[made.indices[begin:end]].astype(float)
        normal = np.cross(at, np.roll(at, -1, axis=0)).sum(axis=0)  # Newell's
        assert normal @ made.vertex["N"][begin:end].sum(axis=0) <= 1e-9, (begin, normal)


def near(given: Any, wanted: Any, tolerance: float = 1e-6) -> None:
    np.testing.assert_allclose(given, wanted, rtol=tolerance, atol=tolerance)


def same(given: Any, wanted: Any) -> None:
    assert given.tolist() == list(wanted), (given.tolist(), list(wanted))


# -- the cases -----------------------------------------------------------------------------------------------------


def case_subdivided_suzanne(world: World) -> None:
    for domain, kind in (("CORNER", "BYTE_COLOR"), ("CORNER", "FLOAT_COLOR"), ("POINT", "FLOAT_COLOR")):
        suzanne = added(bpy.ops.mesh.primitive_monkey_add)
        suzanne.name = f"Suzanne {domain} {kind}"
        suzanne.location, suzanne.rotation_euler, suzanne.scale = (1, 2, 3), (0.3, 0.5, 0.7), (1, 2, 0.5)
        bpy.ops.object.shade_smooth()
        attribute = suzanne.data.color_attributes.new("Paint", kind, domain)
        attribute.data.foreach_set("color", texture(suzanne.data)[: len(attribute.data)].reshape(-1))
        suzanne.data.color_attributes.render_color_index = 0
        suzanne.modifiers.new("subdivide", "SUBSURF").levels = 2
        mesh = world.sent(suzanne)
        assert len(mesh.points) > 7000
        assert_equal(suzanne, mesh, uv="UVMap", colour="Paint")
        cls = "vertex" if domain == "CORNER" else "point"
        assert mesh.kinds == {"vertex/N": "normal", "vertex/uv": "texturecoord", f"{cls}/Cd": "color"}


def case_ngons_and_flat_faces(world: World) -> None:
    cylinder = added(bpy.ops.mesh.primitive_cylinder_add, vertices=24, end_fill_type="NGON")
    mesh = world.sent(cylinder)
    assert sorted(mesh.counts.tolist()) == [4] * 24 + [24] * 2
    assert_equal(cylinder, mesh, uv="UVMap")


def case_a_stack_of_modifiers(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    array = cube.modifiers.new("array", "ARRAY")
    array.count = 3
    cube.modifiers.new("bevel", "BEVEL").segments = 3
    cube.modifiers.new("twist", "SIMPLE_DEFORM").angle = 0.8
    mesh = world.sent(cube)
    assert len(mesh.counts) > 200
    assert_equal(cube, mesh, uv="UVMap")


def case_vertex_groups(world: World) -> None:
    grid = added(bpy.ops.mesh.primitive_grid_add, x_subdivisions=4, y_subdivisions=4)
    for name, first, weight in (("Bone.L", 0, 0.25), ("2nd", 3, 0.5), ("empty", 99, 1.0)):
        grid.vertex_groups.new(name=name).add(list(range(first, 10)), weight, "REPLACE")
    grid.modifiers.new("subdivide", "SUBSURF").levels = 1
    mesh = world.sent(grid)
    assert list(mesh.point) == ["Bone_L", "_2nd", "empty"]
    evaluated = grid.evaluated_get(bpy.context.evaluated_depsgraph_get())
    wanted = evaluated.to_mesh(preserve_all_data_layers=True, depsgraph=bpy.context.evaluated_depsgraph_get())
    for i, vertex in enumerate(wanted.vertices):
        weights = {each.group: each.weight for each in vertex.groups}
        assert [values[i] for values in mesh.point.values()] == [weights.get(group, 0.0) for group in range(3)]
    assert (mesh.point["Bone_L"] > 0).any()
    evaluated.to_mesh_clear()
    world.settings.send_vertex_groups = False
    assert list(world.sent(grid).point) == []


def case_materials(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    assert "material" not in world.sent(cube).prim
    for name in ("Gold", "Rust"):
        cube.data.materials.append(bpy.data.materials.new(name))
    cube.data.polygons[2].material_index = 1
    names = world.sent(cube).prim["material"]
    assert [names[i] for i in range(6)] == ["Gold", "Gold", "Rust", "Gold", "Gold", "Gold"]
    cube.material_slots[0].link = "OBJECT"  # the object's own in place of the mesh's
    cube.material_slots[0].material = bpy.data.materials.new("Chrome")
    assert world.sent(cube).prim["material"][0] == "Chrome"


def case_attributes_of_every_type(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    data = cube.data
    data.uv_layers.new(name="Light.Map")
    data.uv_layers["Light.Map"].active_render = True
    data.uv_layers["Light.Map"].uv[5].vector = (0.25, 0.75)
    data.color_attributes.new("Second", "FLOAT_COLOR", "POINT")

    def fill(name: str, kind: str, domain: str, prop: str, values: Any) -> None:
        attribute = data.attributes.new(name, kind, domain)
        attribute.data.foreach_set(prop, np.asarray(values).reshape(-1))

    floats = np.arange(8, dtype=np.float32) / 3
    fill("mass", "FLOAT", "POINT", "value", floats)
    fill("number", "INT", "FACE", "value", np.arange(6, dtype=np.int32) * 100_000_000)
    fill("small", "INT8", "POINT", "value", np.arange(-4, 4, dtype=np.int32))
    fill("flow", "FLOAT_VECTOR", "CORNER", "vector", np.arange(72, dtype=np.float32))
    fill("picked", "BOOLEAN", "POINT", "value", [True, False] * 4)
    fill("front", "BOOLEAN", "FACE", "value", [False, True] * 3)
    fill("orient", "QUATERNION", "POINT", "value", np.arange(32, dtype=np.float32))
    fill("pair", "INT32_2D", "POINT", "value", np.arange(16, dtype=np.int32))
    fill("edges", "FLOAT", "EDGE", "value", np.arange(12, dtype=np.float32))
    matrices = data.attributes.new("frame", "FLOAT4X4", "POINT")
    matrices.data[3].value = Matrix.Translation((5, 6, 7))
    mesh = world.sent(cube)
    assert mesh.point["mass"].tolist() == floats.tolist()
    assert mesh.prim["number"].tolist() == [i * 100_000_000 for i in range(6)]
    assert mesh.point["small"].tolist() == list(range(-4, 4))
    assert mesh.vertex["flow"].reshape(-1).tolist() == list(range(72))
    assert mesh.point_groups["picked"].tolist() == [True, False] * 4
    assert mesh.prim_groups["front"].tolist() == [False, True] * 3
    assert mesh.point["orient"][1].tolist() == [5, 6, 7, 4]  # x y z w
    assert mesh.point["pair"].tolist() == np.arange(16).reshape(8, 2).tolist()
    assert mesh.point["frame"][3].tolist()[12:] == [5, 6, 7, 1]  # row vectors: the translation comes last
    assert mesh.vertex["uv"][5].tolist() == [0.25, 0.75]
    same(mesh.vertex["UVMap"][5], data.uv_layers["UVMap"].uv[5].vector)
    assert "Second" in mesh.point or "Cd" in mesh.point
    assert mesh.kinds["vertex/UVMap"] == mesh.kinds["vertex/uv"] == "texturecoord"
    assert mesh.kinds["point/orient"] == "quaternion"
    assert mesh.kinds["point/frame"] == "transform"
    assert not any("edges" in each for each in (mesh.point, mesh.vertex, mesh.prim))


def case_local_space(world: World) -> None:
    cone = added(bpy.ops.mesh.primitive_cone_add, location=(5, 6, 7), rotation=(0.1, 0.2, 0.3))
    world.settings.space = "LOCAL"
    mesh = world.sent(cone)
    assert_equal(cone, mesh, world=False, uv="UVMap")
    points = np.hstack([mesh.points, np.ones((len(mesh.points), 1))]) @ mesh.detail["transform"].reshape(4, 4)
    for point, vertex in zip(points, cone.data.vertices, strict=True):
        near(point[:3], cone.matrix_world @ vertex.co)
    turned = mesh.converted()
    again = np.hstack([turned.points, np.ones((len(points), 1))]) @ turned.detail["transform"].reshape(4, 4)
    near(again[:, 0], points[:, 0], 1e-5)
    near(again[:, 1], points[:, 2], 1e-5)
    near(again[:, 2], -points[:, 1], 1e-5)


def case_a_mirrored_object(world: World) -> None:
    suzanne = added(bpy.ops.mesh.primitive_monkey_add)
    suzanne.scale = (-1, 1.5, 1)
    mesh = world.sent(suzanne)
    assert mesh.winding == "clockwise"
    assert_equal(suzanne, mesh, uv="UVMap")


def case_units(world: World) -> None:
    cube = added(bpy.ops.mesh.primitive_cube_add)
    bpy.context.scene.unit_settings.scale_length = 0.5
    mesh = world.sent(cube)
    assert (mesh.up, mesh.metres_per_unit) == ("Z", 0.5)
    assert_equal(cube, mesh)
    assert float(mesh.converted().points.max()) == 0.5
    bpy.context.scene.unit_settings.system = "NONE"
    assert world.sent(cube).metres_per_unit == 1.0


def case_curves_loose_edges_and_nothing(world: World) -> None:
    data = bpy.data.meshes.new("wire")
    data.from_pydata(
        [(0, 0, 0), (1, 0, 0), (1, 1, 0), (2, 1, 0), (9, 9, 9)], [(0, 1), (1, 2), (2, 0), (2, 3)], [(0, 1, 2)]
    )
    data.materials.append(bpy.data.materials.new("Gold"))
    wire = bpy.data.objects.new("wire", data)
    bpy.context.scene.collection.objects.link(wire)
    mesh = world.sent(wire)
    assert (mesh.counts.tolist(), mesh.indices.tolist()) == ([3, 2], [0, 1, 2, 2, 3])
    assert (mesh.closed.tolist(), len(mesh.points)) == ([True, False], 5)
    assert mesh.vertex["N"].tolist() == [[0, 0, 1]] * 3 + [[0, 0, 0]] * 2
    assert [mesh.prim["material"][i] for i in range(2)] == ["Gold", ""]
    circle = added(bpy.ops.curve.primitive_bezier_circle_add)
    mesh = world.sent(circle)
    assert len(mesh.counts) == len(mesh.points) > 8
    assert not mesh.closed.any()
    empty = bpy.data.objects.new("empty", bpy.data.meshes.new("empty"))
    bpy.context.scene.collection.objects.link(empty)
    assert len(world.sent(empty).points) == 0


def case_a_million_points_are_measured(world: World) -> None:
    grid = added(bpy.ops.mesh.primitive_grid_add, x_subdivisions=999, y_subdivisions=999)
    grid.modifiers.new("wave", "WAVE")
    depsgraph = bpy.context.evaluated_depsgraph_get()
    mesh_of = sys.modules[f"{MODULE}.extract"].mesh_of
    for _ in range(2):
        begin = time.perf_counter()
        made = mesh_of(grid, depsgraph)
        took = time.perf_counter() - begin
    say(f"    {len(made['points']):,} points with N and uv are read in {took * 1000:.0f} ms")
    mesh = world.sent(grid)
    assert mesh.points.tobytes() == made["points"].tobytes()
    say(f"    {world.link.status[1]}")
