"""The parts of a model file as trimesh reads them, each in the space of its scene, which trimesh itself only draws."""

from __future__ import annotations

import io
import json
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hdaemon.commands.models_obj import read_obj
from hdaemon.errors import HdaemonError

__all__ = ["Part", "read_parts"]

Array = npt.NDArray[Any]
Loader = Callable[..., dict[str, Any]]

_COMPRESSED = ("KHR_draco_mesh_compression", "EXT_meshopt_compression", "KHR_mesh_quantization")
_GLB_HEAD = struct.Struct("<4sIII4s")  # glTF 2.0, "Binary glTF layout": header, and the head of the JSON chunk


@dataclass(slots=True, eq=False)
class Part:
    """One mesh of a file, in world space; what it does not have is None."""

    points: Array
    counts: Array
    indices: Array
    normals: Array | None = None
    uv: Array | None = None
    colors: Array | None = None
    corner_normals: Array | None = None
    corner_uv: Array | None = None
    face_colors: Array | None = None
    names: list[str] = field(default_factory=list)
    materials: list[str] = field(default_factory=list)


def read_parts(data: bytes, suffix: str, load: Loader) -> tuple[list[Part], list[str]]:
    """Return the parts of a file, and what was left out of it, a sentence each.

    Args:
        data: the file.
        suffix: ``".obj"`` and so on.
        load: trimesh's reader.

    Raises:
        HdaemonError: it cannot be read rightly.
        Exception: whatever the reader raises for a file that is not as it should be.
    """
    if suffix == ".obj":
        return [_of_obj(read_obj(data, load))], []
    if suffix == ".glb":
        data = _with_materials(data)
    # fix_texture: with it the PLY reader gives points other numbers than their normals and colours have.
    more = {"fix_texture": False} if suffix == ".ply" else {}
    made = load(file_obj=io.BytesIO(data), file_type=suffix[1:], resolver=None, **more)
    if "geometry" not in made:
        return [_part(made, np.eye(4), "", suffix)], []
    return _of_scene(made, suffix)


def _of_obj(found: dict[str, Any]) -> Part:
    none = np.empty(0, np.int32)
    points = np.asarray(found["vertices"], np.float32)  # text: its digits are no promise of float64
    part = Part(points, found.get("counts", none), found.get("corners", none), colors=found.get("colors"))
    part.corner_uv, part.corner_normals = found.get("corner_uv"), found.get("corner_normals")
    part.names, part.materials = found.get("name", []), found.get("material", [])
    return part


def _of_scene(made: dict[str, Any], suffix: str) -> tuple[list[Part], list[str]]:
    """Return the parts of a scene, each as often as the scene shows it."""
    geometry = made["geometry"]
    edges = {edge["frame_to"]: edge for edge in made.get("graph") or () if isinstance(edge, dict)}
    shown = [(edge["geometry"], frame) for frame, edge in edges.items() if edge.get("geometry") in geometry]
    if not edges:
        shown = [(name, "") for name in geometry]
    parts, notes = [], []
    for name, frame in shown:
        if "entities" in geometry[name]:
            notes.append(f"{name} consists of lines and was left out")
            continue
        parts.append(_part(geometry[name], _world(edges, frame), str(name), suffix))
    return parts, notes


def _world(edges: dict[str, Any], frame: str) -> Array:
    """Return the matrix (of column vectors) that takes a node's own space to the scene's."""
    matrix: Array = np.eye(4)
    seen: set[str] = set()
    while frame in edges and frame not in seen:
        seen.add(frame)
        own = edges[frame].get("matrix")
        matrix = matrix if own is None else np.asarray(own, np.float64) @ matrix
        frame = edges[frame].get("frame_from", "")
    return matrix


def _part(made: dict[str, Any], matrix: Array, name: str, suffix: str) -> Part:
    points = np.asarray(made["vertices"])
    dtype = np.float64 if points.dtype == np.float64 and suffix == ".ply" else np.float32
    faces = made.get("faces")
    faces = np.empty((0, 3), np.int32) if faces is None else np.asarray(faces)
    normals, uv, visual = made.get("vertex_normals"), None, made.get("visual")
    colors = made.get("vertex_colors")
    material = ""
    if visual is not None:
        uv = getattr(visual, "uv", None)
        colors = getattr(visual, "vertex_attributes", {}).get("color", colors)
        material = str(getattr(getattr(visual, "material", None), "name", None) or "")
    if not np.array_equal(matrix, np.eye(4)):
        linear = matrix[:3, :3]
        points = points @ linear.T + matrix[:3, 3]
        if normals is not None:
            normals = _unit(np.asarray(normals) @ _cofactors(linear).T)
        if np.linalg.det(linear) < 0:  # a mirror turns faces inside out
            faces = faces[:, ::-1]
    part = Part(points.astype(dtype), np.full(len(faces), faces.shape[1]), faces.reshape(-1))
    part.normals, part.uv, part.colors = normals, uv, colors
    part.face_colors = made.get("face_colors")
    if suffix == ".stl":
        _weld(part)
    if suffix == ".ply":
        part.corner_uv = _wedges(made, len(part.indices))
    if suffix == ".glb":
        part.names, part.materials = [name] * len(faces), [material] * len(faces)
    return part


def _cofactors(linear: Array) -> Array:
    """Return the matrix that normals turn by; unlike the inverse it exists for every matrix."""
    x, y, z = linear
    sign = -1.0 if np.linalg.det(linear) < 0 else 1.0
    return np.asarray(sign * np.stack([np.cross(y, z), np.cross(z, x), np.cross(x, y)]))


def _unit(vectors: Array) -> Array:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(length > 0, length, 1))


def _weld(part: Part) -> None:
    """Make points at one place one: in an STL file no two triangles share any."""
    bits = (part.points + np.float32(0)).view(np.uint32)  # adding makes -0.0 and 0.0 the same
    order = np.lexsort((bits[:, 2], bits[:, 1], bits[:, 0]))
    inside = bits[order]
    new = np.ones(len(order), bool)
    new[1:] = (inside[1:] != inside[:-1]).any(axis=1)
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    first = order[new]  # lexsort is stable: the first of each group in the file's order
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first)] = np.arange(len(first))
    part.points, part.indices = part.points[np.sort(first)], rank[group[part.indices]]
    part.normals = part.uv = part.colors = None


def _wedges(made: dict[str, Any], corners: int) -> Array | None:
    """Return the texture coordinates that a PLY file has for the corners of its faces, where it has them there."""
    data = made.get("metadata", {}).get("_ply_raw", {}).get("face", {}).get("data")
    try:
        flat = data["texcoord"]["f1"] if isinstance(data, np.ndarray) else data["texcoord"]
        found = np.asarray(flat, np.float32)
    except (KeyError, TypeError, ValueError, IndexError):  # there are none, or not the same number for each face
        return None
    return found.reshape(-1, 2) if found.size == 2 * corners else None


def _with_materials(data: bytes) -> bytes:
    """Return a GLB file in which everything has a material, and no picture.

    trimesh reads texture coordinates only of what has a material, and opens pictures that nobody needs here.

    Raises:
        HdaemonError: it needs what trimesh would fill with zeros.
    """
    magic, version, _, size, kind = _GLB_HEAD.unpack_from(data)
    rest = data[_GLB_HEAD.size + size :]
    if magic != b"glTF" or version != 2 or kind != b"JSON" or len(data) < _GLB_HEAD.size + size:
        raise HdaemonError("it is not glTF 2.0 in its binary form (.glb), or not complete")
    head = json.loads(data[_GLB_HEAD.size : _GLB_HEAD.size + size])
    needs = [name for name in head.get("extensionsRequired", ()) if name in _COMPRESSED]
    if needs:
        raise HdaemonError(f"it is compressed ({', '.join(needs)}): export it without compression")
    names = [str(material.get("name", "")) for material in head.get("materials", ())]
    for mesh in head.get("meshes", ()):
        for primitive in mesh["primitives"]:
            primitive.setdefault("material", len(names))
            if "sparse" in head["accessors"][primitive["attributes"]["POSITION"]]:
                raise HdaemonError("its points are stored as differences (sparse accessors): export it without")
    head["materials"] = [{"name": name} for name in [*names, ""]]
    head.pop("images", None)
    head.pop("textures", None)
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    whole = _GLB_HEAD.size + len(text) + len(rest)
    return _GLB_HEAD.pack(magic, version, whole, len(text), kind) + text + rest
