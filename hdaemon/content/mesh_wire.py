"""A `Mesh` as it travels: application/vnd.safetensors whose metadata say ``hdaemon.mesh`` (docs/mesh.md).

The arrays are the payload's bytes, and the payload's bytes are the arrays: nothing is copied either way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hdaemon.content import json as strict_json
from hdaemon.content import safetensors
from hdaemon.content.buffers import short
from hdaemon.content.mesh import CLASSES, Mesh, Strings
from hdaemon.errors import DecodeError, UsageError

__all__ = ["MARK", "VERSION", "from_tensors", "parts"]

MARK = "hdaemon.mesh"
VERSION = "1"

MAX_TABLE_BYTES = 64 * 1024
"""Of all tables of strings together in the head of a message; larger ones become tensors. The head has 1 MiB."""

_KEYS = (MARK, "winding", "up", "metres_per_unit", "kinds", "strings", "notes")
_GROUPS = {"point_group": "point", "prim_group": "prim"}


def parts(mesh: Mesh) -> list[bytes | memoryview]:
    """Return what `Mesh.safetensors_parts` promises."""
    arrays: dict[str, Any] = {"P": mesh.points}
    if len(mesh.counts):
        arrays |= {"counts": mesh.counts, "indices": mesh.indices}
    if not mesh.closed.all():
        arrays["closed"] = mesh.closed
    tables: dict[str, tuple[str, ...]] = {}
    for cls in CLASSES:
        for name, value in getattr(mesh, cls).items():
            if isinstance(value, Strings):
                tables[f"{cls}/{name}"] = value.table
                value = value.indices
            arrays[f"{cls}/{name}"] = value
    for prefix, cls in _GROUPS.items():
        arrays |= {f"{prefix}/{name}": group for name, group in getattr(mesh, f"{cls}_groups").items()}
    metadata = {
        MARK: VERSION,
        "winding": mesh.winding,
        "up": mesh.up,
        "metres_per_unit": repr(mesh.metres_per_unit),
        "kinds": _json(dict(mesh.kinds)),
    }
    written = _json(tables)
    if len(written) <= MAX_TABLE_BYTES:
        metadata["strings"] = written
    else:
        for key, table in tables.items():
            text = "".join(word + "\0" for word in table).encode()
            arrays[f"strings/{key}"] = memoryview(text)
    if mesh.notes:
        metadata["notes"] = _json(mesh.notes)
    return safetensors.encode(arrays, metadata)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def from_tensors(tensors: safetensors.Tensors) -> Mesh:
    """Return what `Mesh.from_tensors` promises."""
    metadata = tensors.metadata
    if metadata.get(MARK) != VERSION:
        raise DecodeError(f"not taken as a mesh: its {MARK} is {short(metadata.get(MARK))}, and {VERSION!r} is known")
    tables = _tables(tensors)
    given: dict[str, Any] = {cls: {} for cls in CLASSES} | {f"{cls}_groups": {} for cls in _GROUPS.values()}
    for key, array in tensors.items():
        prefix, slash, name = key.partition("/")
        if not slash and key in ("P", "counts", "indices", "closed"):
            given["points" if key == "P" else key] = array
        elif slash and prefix in CLASSES:
            given[prefix][name] = _strings(key, tables.pop(key), array) if key in tables else array
        elif slash and prefix in _GROUPS:
            given[f"{_GROUPS[prefix]}_groups"][name] = array
        elif not (slash and prefix == "strings"):
            raise DecodeError(
                f"not a mesh: the tensor {short(key)} is none of P, counts, indices, closed, point/NAME, vertex/NAME, "
                "prim/NAME, detail/NAME, point_group/NAME, prim_group/NAME and strings/CLASS/NAME"
            )
    if tables:
        raise DecodeError(f"not a mesh: there are strings for {short(next(iter(tables)))}, and no tensor of that name")
    if "points" not in given:
        raise DecodeError("not a mesh: it has no tensor P: give the points, float32, of shape [n, 3]")
    for key in ("winding", "up", "metres_per_unit"):
        if key not in metadata:
            raise DecodeError(f"not a mesh: the metadata have no {key}: say it, so that nobody has to guess")
    given |= {"winding": metadata["winding"], "up": metadata["up"]}
    given["metres_per_unit"] = _parsed(metadata, "metres_per_unit")
    if "kinds" in metadata:
        given["kinds"] = _object(metadata, "kinds")
    notes = _parsed(metadata, "notes") if "notes" in metadata else []
    if not isinstance(notes, list):
        raise DecodeError(f"not a mesh: notes in the metadata is {short(notes)}, and not a list of strings")
    notes += [f"{short(key)} in the metadata was left out: it is not known" for key in metadata if key not in _KEYS]
    given["notes"] = tuple(notes)
    try:
        return Mesh(**given)
    except UsageError as error:
        raise DecodeError(f"not a mesh: {error}") from error


def _tables(tensors: safetensors.Tensors) -> dict[str, Any]:
    """Return the strings of each string attribute by ``class/name``: of the metadata, and of the tensors."""
    found = _object(tensors.metadata, "strings") if "strings" in tensors.metadata else {}
    for key, table in found.items():
        if not isinstance(table, list):
            raise DecodeError(f"not a mesh: the strings of {short(key)} are {short(table)}, and not a list of strings")
    for key, array in tensors.items():
        if not key.startswith("strings/"):
            continue
        name = key.removeprefix("strings/")
        if name in found:
            raise DecodeError(f"not a mesh: the strings of {short(name)} are in the metadata and in a tensor")
        if array.dtype.str != "|u1" or array.ndim != 1 or (array.size and array[-1]):
            raise DecodeError(f"not a mesh: the tensor {short(key)} is not of U8, [n], with a 0 after each string")
        try:
            found[name] = str(memoryview(array), "utf-8").split("\0")[:-1] if array.size else []
        except UnicodeDecodeError as error:
            raise DecodeError(f"not a mesh: byte {error.start} of the tensor {short(key)} is not UTF-8") from error
    return found


def _strings(key: str, table: list[Any], indices: Any) -> Strings:
    try:
        return Strings(table, indices)
    except UsageError as error:
        raise DecodeError(f"not a mesh: the strings of {short(key)}: {error}") from error


def _parsed(metadata: Mapping[str, str], key: str) -> Any:
    try:
        return strict_json.decode(metadata[key].encode())
    except DecodeError as error:
        raise DecodeError(f"not a mesh: {key} in the metadata is {error}") from error


def _object(metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    found = _parsed(metadata, key)
    if not isinstance(found, dict):
        raise DecodeError(f"not a mesh: {key} in the metadata is {short(found)}, and not an object")
    return found
