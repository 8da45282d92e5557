"""An object of Blender as the arrays of a mesh, with its modifiers: the arguments of `Client.send_mesh`.

All is read with `foreach_get` into numpy arrays, but for the weights of vertex groups, which Blender gives one by one.
"""

from __future__ import annotations

import re
from typing import Any

import bpy
import numpy as np

KINDS = ("MESH", "CURVE", "SURFACE", "FONT", "META")
"""The types of objects that have a mesh when they are evaluated."""

# How the values of an attribute are read: the property, its type, and how many an element has.
# docs.blender.org/api/current/bpy_types_enum_items/attribute_type_items.html
_READ: dict[str, tuple[str, type, int]] = {
    "FLOAT": ("value", np.float32, 1),
    "INT": ("value", np.int32, 1),
    "INT8": ("value", np.int32, 1),
    "BOOLEAN": ("value", np.bool_, 1),
    "FLOAT_VECTOR": ("vector", np.float32, 3),
    "FLOAT2": ("vector", np.float32, 2),
    "FLOAT_COLOR": ("color", np.float32, 4),
    "BYTE_COLOR": ("color", np.float32, 4),  # `color` is linear; `color_srgb` is what the bytes say
    "INT32_2D": ("value", np.int32, 2),
    "QUATERNION": ("value", np.float32, 4),
    "FLOAT4X4": ("value", np.float32, 16),
}
_CLASSES = {"POINT": "point", "CORNER": "vertex", "FACE": "prim"}
# Blender's own bookkeeping: the positions, the materials and the normals are sent as what they mean.
_OWN = {"position", "material_index", "sharp_face", "custom_normal"}


def mesh_of(
    obj: bpy.types.Object, depsgraph: bpy.types.Depsgraph, *, world: bool = True, vertex_groups: bool = True
) -> dict[str, Any]:
    """Return the arguments of `Client.send_mesh` for an object as it looks in this state of the scene.

    Z is up, polygons are counter-clockwise (clockwise when the object is mirrored and `world`), and a unit is as long
    as the scene says. N-gons stay; an edge without a face becomes a curve of two points.

    - ``vertex/N``: the normals of the corners, as they are shaded.
    - ``vertex/uv``: the uv map that is rendered; the others by their names.
    - ``Cd`` and, where it is not 1 everywhere, ``Alpha`` of points or vertices: the rendered colour, linear; others by
      their names, four numbers each.
    - ``point/NAME``: vertex groups, and attributes of points; ``prim/NAME``: of faces; truth values become groups.
    - ``prim/material``: the material's name.
    - ``detail/transform``: the object's matrix, 16 numbers for row vectors, when the points are local (not `world`).

    Args:
        obj: an object of one of `KINDS`.
        depsgraph: that of the view layer, up to date; see `Link.up_to_date` for what is being edited.
        world: the points and normals are in the world's space, else in the object's.
        vertex_groups: also send the weights; takes about a second for a million points.

    Raises:
        ValueError: an object without a mesh.
    """
    evaluated = obj.evaluated_get(depsgraph)
    # RuntimeError is what to_mesh() raises for an object that has none, such as a camera.
    try:
        mesh = evaluated.to_mesh(preserve_all_data_layers=True, depsgraph=depsgraph)
    except RuntimeError as error:
        raise ValueError(f"{obj.name} has no mesh: {error}") from error
    if mesh is None:
        raise ValueError(f"{obj.name} has no mesh")
    try:
        reader = _Reader(evaluated, mesh)
        reader.read_topology()
        reader.read_attributes()
        reader.read_materials()
        if vertex_groups:
            reader.read_vertex_groups(obj)
        matrix = np.array(evaluated.matrix_world, np.float64)
        made = reader.made
        if world:
            _to_world(made, matrix)
        else:
            made["detail"]["transform"] = matrix.T.reshape(-1)
            made["kinds"]["detail/transform"] = "transform"
    finally:
        evaluated.to_mesh_clear()
    unit = depsgraph.scene.unit_settings
    made["metres_per_unit"] = float(unit.scale_length) if unit.system != "NONE" else 1.0
    return made


class _Reader:
    """Reads one mesh into `made`; what it has read is numpy's own memory."""

    def __init__(self, evaluated: bpy.types.Object, mesh: bpy.types.Mesh) -> None:
        self._evaluated, self._mesh = evaluated, mesh
        self._used: dict[str, set[str]] = {"point": {"P"}, "vertex": {"N"}, "prim": {"material"}, "groups": set()}
        self._loose = 0
        self.made: dict[str, Any] = {
            "point": {},
            "vertex": {},
            "prim": {},
            "detail": {},
            "point_groups": {},
            "prim_groups": {},
            "kinds": {},
            "winding": "counterclockwise",
            "up": "Z",
        }

    def read_topology(self) -> None:
        mesh, made = self._mesh, self.made
        points = _values(mesh.attributes.get("position"), len(mesh.vertices), np.float32, 3)
        corners, faces = len(mesh.loops), len(mesh.polygons)
        indices = _values(mesh.attributes.get(".corner_vert"), corners, np.int32, 1)
        starts = np.full(faces + 1, corners, np.int32)
        if faces:
            mesh.polygons.foreach_get("loop_start", starts[:-1])
        counts = np.diff(starts)
        normals = np.empty((corners, 3), np.float32)
        if corners:
            mesh.corner_normals.foreach_get("vector", normals.reshape(-1))
        # An edge is loose when no corner begins it; asking each for `is_loose` takes several times as long.
        loose = np.ones(len(mesh.edges), bool)
        loose[_values(mesh.attributes.get(".corner_edge"), corners, np.int32, 1)] = False
        if loose.any():
            ends = _values(mesh.attributes.get(".edge_verts"), len(mesh.edges), np.int32, 2)[loose]
            self._loose = len(ends)
            indices = np.concatenate([indices, ends.reshape(-1)])
            counts = np.concatenate([counts, np.full(self._loose, 2, np.int32)])
            made["closed"] = np.arange(len(counts)) < faces
        made.update(points=points, counts=counts, indices=indices)
        if corners:
            self._add("vertex", "N", normals, "normal")

    def read_attributes(self) -> None:
        mesh = self._mesh
        uv = next((layer.name for layer in mesh.uv_layers if layer.active_render), "")
        colours, index = mesh.color_attributes, mesh.color_attributes.render_color_index
        colour = colours[index].name if 0 <= index < len(colours) else ""
        sizes = {"point": len(mesh.vertices), "vertex": len(mesh.loops), "prim": len(mesh.polygons)}
        # The rendered ones first, so that no other takes their names.
        found = sorted(mesh.attributes, key=lambda attribute: attribute.name not in (uv, colour))
        for attribute in found:
            cls, read = _CLASSES.get(attribute.domain), _READ.get(attribute.data_type)
            name = attribute.name
            if cls is None or read is None or name.startswith(".") or name in _OWN or not sizes[cls]:
                continue
            values = _values(attribute, sizes[cls], read[1], read[2], read[0])
            if attribute.data_type == "BOOLEAN" and cls != "vertex":
                self._add_group(cls, name, values)
            elif attribute.data_type in ("FLOAT_COLOR", "BYTE_COLOR"):
                self._add_colour(cls, name, values, rendered=name == colour)
            elif attribute.data_type == "FLOAT2" and cls == "vertex":
                self._add(cls, self._free(cls, "uv" if name == uv else name), values, "texturecoord")
            elif attribute.data_type == "QUATERNION":  # Blender's begins with w, Houdini's ends with it
                self._add(cls, self._free(cls, name), np.roll(values, -1, axis=1), "quaternion")
            else:
                kind = "transform" if attribute.data_type == "FLOAT4X4" else ""
                self._add(cls, self._free(cls, name), values, kind)

    def read_materials(self) -> None:
        names = [slot.material.name if slot.material else "" for slot in self._evaluated.material_slots]
        faces = len(self._mesh.polygons)
        if not any(names) or not faces:
            return
        attribute = self._mesh.attributes.get("material_index")  # absent: 0 everywhere
        index = np.zeros(faces, np.int32) if attribute is None else _values(attribute, faces, np.int32, 1)
        table = np.array(names, object)
        texts = table[np.clip(index, 0, len(names) - 1)]
        self.made["prim"]["material"] = np.concatenate([texts, np.full(self._loose, "", object)])

    def read_vertex_groups(self, obj: bpy.types.Object) -> None:
        if not obj.vertex_groups:
            return
        weights = np.zeros((len(obj.vertex_groups), len(self._mesh.vertices)), np.float32)
        found = [(each.group, i, each.weight) for i, vertex in enumerate(self._mesh.vertices) for each in vertex.groups]
        if found:
            groups, points, values = zip(*found, strict=True)
            rows = np.array(groups)
            known = rows < len(weights)  # a modifier may leave weights of a group that is gone
            weights[rows[known], np.array(points)[known]] = np.array(values, np.float32)[known]
        for group in obj.vertex_groups:
            self._add("point", self._free("point", group.name), weights[group.index])

    def _add_colour(self, cls: str, name: str, values: Any, *, rendered: bool) -> None:
        if not rendered:
            self._add(cls, self._free(cls, name), values, "color")
            return
        self._add(cls, self._free(cls, "Cd"), np.ascontiguousarray(values[:, :3]), "color")
        if (values[:, 3] != 1.0).any():
            self._add(cls, self._free(cls, "Alpha"), np.ascontiguousarray(values[:, 3]))

    def _add(self, cls: str, name: str, values: Any, kind: str = "") -> None:
        self.made[cls][name] = self._padded(cls, values)
        if kind:
            self.made["kinds"][f"{cls}/{name}"] = kind

    def _add_group(self, cls: str, name: str, values: Any) -> None:
        self.made[f"{cls}_groups"][self._free("groups", name)] = self._padded(cls, values)

    def _padded(self, cls: str, values: Any) -> Any:
        """Return the values with zeros for the curves of loose edges, which follow the faces."""
        more = {"vertex": 2 * self._loose, "prim": self._loose}.get(cls, 0)
        return np.concatenate([values, np.zeros((more, *values.shape[1:]), values.dtype)]) if more else values

    def _free(self, cls: str, name: str) -> str:
        """Return a name that Houdini takes and that is not used yet in the class: ``Bone.L`` becomes ``Bone_L``."""
        plain = re.sub(r"[^A-Za-z0-9_]", "_", name)[:190] or "_"
        plain = "_" + plain if plain[0].isdigit() else plain
        made, number = plain, 1
        while made in self._used[cls]:
            number += 1
            made = f"{plain}_{number}"
        self._used[cls].add(made)
        return made


def _values(attribute: Any, count: int, dtype: type, width: int, prop: str = "") -> Any:
    """Return the values of an attribute, ``(count,)`` or ``(count, width)``; zeros when it is absent."""
    values = np.zeros(count * width, dtype)
    if attribute is not None and count:
        attribute.data.foreach_get(prop or ("vector" if dtype is np.float32 else "value"), values)
    return values if width == 1 else values.reshape(count, width)


def _to_world(made: dict[str, Any], matrix: Any) -> None:
    """Put points and normals into the world's space."""
    if np.array_equal(matrix, np.eye(4)):
        return
    turn = matrix[:3, :3]
    made["points"] = made["points"] @ turn.T.astype(np.float32) + matrix[:3, 3].astype(np.float32)
    size = np.linalg.det(turn)
    if size < 0:  # mirrored: the polygons now run the other way round
        made["winding"] = "clockwise"
    normals = made["vertex"].get("N")
    if normals is None or not size:
        return
    normals = normals @ np.linalg.inv(turn).astype(np.float32)  # of row vectors: the inverse, not transposed
    length = np.sqrt(np.einsum("ij,ij->i", normals, normals))
    normals /= np.where(length > 0, length, 1)[:, None]
    made["vertex"]["N"] = normals
