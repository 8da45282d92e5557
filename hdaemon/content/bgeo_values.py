"""What Houdini's geometry is made of, out of the tree of its JSON: numbers in three spellings, attributes, groups.

Sources of the format: the schemas in the HDK's GA headers (GA_DataArrayTuple, GA_ATINumeric, GA_ATIString,
GA_ATIGroupBool, GA_DataBitArray), SideFX's own reader houdini/public/hgeo/hgeo.py, and files that Houdini wrote.

A page is 1024 elements. Within it, the numbers of each part of the tuple (``packing``) lie together; a part whose flag
is set has one value for the whole page. So a few bytes can stand for many: what is unpacked is held against a `Budget`.
"""

from __future__ import annotations

from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from hdaemon.content.buffers import short
from hdaemon.content.mesh import Attribute, Strings
from hdaemon.errors import DecodeError, UsageError

__all__ = [
    "Budget",
    "attribute",
    "fail",
    "field",
    "flat",
    "attribute_name",
    "group",
    "integers",
    "natural",
    "pairs",
    "skipped_type",
]

Array = npt.NDArray[Any]

_STORAGES = {
    "fpreal16": "<f2",
    "fpreal32": "<f4",
    "fpreal64": "<f8",
    "int8": "|i1",
    "int16": "<i2",
    "int32": "<i4",
    "int64": "<i8",
    "uint8": "|u1",
}
_SPELLINGS = ("tuples", "arrays", "rawpagedata")
_BLOCK_FIELDS = ("size", "storage", "packing", "pagesize", "constantpageflags", *_SPELLINGS)
_KNOWN = {"scope", "type", "name", "options", "size", "storage", "defaults", "values", "strings", "indices"}


def fail(what: str) -> NoReturn:
    """Refuse the payload."""
    raise DecodeError(f"not bgeo: {what}")


class Budget:
    """How many bytes a payload may still become: `FACTOR` times its own, or `FLOOR` where that is more."""

    FACTOR = 64
    FLOOR = 24 * 1024 * 1024

    def __init__(self, payload_bytes: int) -> None:
        self.whole = self.left = max(self.FLOOR, self.FACTOR * payload_bytes)

    def take(self, count: int, what: str) -> None:
        """Count `count` bytes, before they are there.

        Raises:
            DecodeError: there are not as many left.
        """
        self.left -= count
        if self.left < 0:
            raise DecodeError(
                f"not taken as bgeo: {what} would be the {short(count, 30)} bytes that pass the limit of {self.whole} "
                f"for what this payload unpacks to ({self.FACTOR} times its size)"
            )


def pairs(value: object, what: str) -> dict[str, Any]:
    """Return the names and values of a list of them in turn, which is how the format keeps their order."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list) or len(value) % 2:
        fail(f"{what} is {short(value)}, and not a list of names and values")
    found: dict[str, Any] = {}
    for at in range(0, len(value), 2):
        key = value[at]
        if not isinstance(key, str):
            fail(f"{what} has {short(key)} where a name is due")
        if key in found:
            fail(f"{what} has {short(key)} twice")
        found[key] = value[at + 1]
    return found


def field(fields: dict[str, Any], what: str, *names: str) -> Any:
    """Return the value under the one of `names` that is there."""
    for name in names:
        if name in fields:
            return fields[name]
    return fail(f"{what} has no {' or '.join(names)}")


def natural(value: object, what: str) -> int:
    """Return an integer from 0."""
    if type(value) is not int or value < 0:
        fail(f"{what} is {short(value)}, and not a number from 0")
    return value


def flat(value: object, what: str) -> Array:
    """Return a list of numbers, or an array, as an array of one dimension."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind == "b":
            fail(f"{what} are truth values, and not numbers")
        return value
    if not isinstance(value, list):
        fail(f"{what} is {short(value)}, and not a list of numbers")
    if not value:
        return np.empty(0, np.int32)
    return _made(value, what, 1)


def _made(value: list[Any], what: str, ndim: int) -> Array:
    try:
        made: Array = np.array(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise DecodeError(f"not bgeo: {what} is not a table of numbers ({error})") from error
    if made.dtype.kind not in "iuf" or made.ndim != ndim:
        fail(f"{what} is {short(value)}, and not a {'list' if ndim == 1 else 'table'} of numbers")
    return made


def integers(value: object, what: str) -> Array:
    """Return a list of integers as int64."""
    made = flat(value, what)
    if made.dtype.kind not in "iu":
        fail(f"{what} has {short(made[0].item())} in it, and not integers only")
    return made.astype(np.int64, copy=False)


def _cast(made: Array, dtype: np.dtype[Any], what: str) -> Array:
    """Return the numbers in the type that their storage says."""
    if made.dtype == dtype:
        return made
    if dtype.kind != "f" and made.size:
        if made.dtype.kind not in "iu":
            fail(f"{what} has {short(made.reshape(-1)[0].item())} in it, and its storage is of integers")
        info = np.iinfo(dtype)
        if int(made.min()) < info.min or int(made.max()) > info.max:
            fail(f"{what} has a number in it that its storage does not hold")
    with np.errstate(over="ignore"):  # what is beyond a float32 is its infinity, as in Houdini
        return made.astype(dtype)


def _block(value: object, count: int, budget: Budget, what: str) -> Array:
    """Return a GA_DataArrayTuple: ``(count, size)``."""
    fields = pairs(value, what)
    size = natural(field(fields, what, "size"), f"the size of {what}")
    storage = field(fields, what, "storage")
    if not isinstance(storage, str) or storage not in _STORAGES:
        fail(f"{what} has the storage {short(storage)}, which is none of {' '.join(_STORAGES)}")
    dtype = np.dtype(_STORAGES[storage])
    for name in fields:
        if name not in _BLOCK_FIELDS:  # it could change what the others say
            fail(f"{what} has the field {short(name)}, and {', '.join(_BLOCK_FIELDS)} are known")
    spelled = [name for name in _SPELLINGS if name in fields]
    if len(spelled) != 1 or size < 1:
        fail(f"{what} has {spelled or 'none'} of {', '.join(_SPELLINGS)}, and the size {size}")
    budget.take(count * size * dtype.itemsize, what)
    data = fields[spelled[0]]
    if isinstance(data, np.ndarray) and (data.dtype.kind == "f") != (dtype.kind == "f"):
        fail(f"{what} is an array of {data.dtype}, and its storage is {storage}")
    if spelled[0] == "rawpagedata":
        return _pages(_cast(flat(data, what), dtype, what), fields, count, size, budget, what)
    if not isinstance(data, list):
        fail(f"{what} is {short(data)}, and not a list of lists")
    rows, width = (count, size) if spelled[0] == "tuples" else (size, count)
    if len(data) != rows:
        fail(f"{what} has {len(data)} {spelled[0]}, and {rows} are due")
    if not rows or not width:
        if any(not isinstance(row, (list, np.ndarray)) or len(row) for row in data):
            fail(f"{what} has values, and none are due")
        return np.empty((count, size), dtype)
    made = _cast(_made(data, what, 2), dtype, what)
    if made.shape != (rows, width):
        fail(f"{what} is a table of {made.shape[0]} by {made.shape[1]}, and {rows} by {width} are due")
    return made if spelled[0] == "tuples" else np.ascontiguousarray(made.T)


def _pages(raw: Array, fields: dict[str, Any], count: int, size: int, budget: Budget, what: str) -> Array:
    packing = integers(fields["packing"], f"the packing of {what}").tolist() if "packing" in fields else [size]
    if min(packing, default=0) < 1 or sum(packing) != size:
        fail(f"{what} has the packing {short(packing)}, and the size {size}")
    page_size = natural(field(fields, what, "pagesize"), f"the pagesize of {what}")
    if page_size < 1:
        fail(f"{what} has the pagesize 0")
    page_size = min(page_size, max(count, 1))
    pages = -(-count // page_size)
    budget.take(40 * pages * len(packing), f"the pages of {what}")
    constant = _flags(fields.get("constantpageflags"), len(packing), pages, what)
    if not constant.any() and (len(packing) == 1 or not pages):
        if len(raw) != count * size:
            fail(f"{what} has {len(raw)} numbers, and {count} elements of {size} are due")
        return raw.reshape(count, size)
    rows = np.full(pages, page_size, np.int64)
    rows[-1] = count - (pages - 1) * page_size
    widths = np.array(packing, np.int64)[:, np.newaxis]
    taken = np.where(constant, widths, widths * rows).T  # of each page, its parts one after the other
    ends = np.cumsum(taken.reshape(-1), dtype=np.int64).reshape(taken.shape)
    if int(ends[-1, -1]) != len(raw):
        fail(f"{what} has {len(raw)} numbers, and its pages need {int(ends[-1, -1])}")
    budget.take(16 * count * (2 + max(packing)), what)
    within = np.arange(count, dtype=np.int64) - np.repeat(np.arange(pages, dtype=np.int64) * page_size, rows)
    made = np.empty((count, size), raw.dtype)
    first = 0
    for part, width in enumerate(packing):
        at = np.repeat(ends[:, part] - taken[:, part], rows)
        at += np.where(np.repeat(constant[part], rows), 0, within * width)
        made[:, first : first + width] = raw[at[:, np.newaxis] + np.arange(width)]
        first += width
    return made


def _flags(value: object, parts: int, pages: int, what: str) -> Array:
    """Return for each part of the tuple, and each page, whether it has one value there: ``(parts, pages)`` bool."""
    made = np.zeros((parts, pages), np.bool_)
    if value is None:
        return made
    if not isinstance(value, list) or len(value) != parts:
        fail(f"{what} has the constantpageflags {short(value)}, and {parts} lists of them are due")
    for part, flags in enumerate(value):
        if not isinstance(flags, (list, np.ndarray)) or len(flags) not in (0, pages):
            fail(f"{what} has constantpageflags that are not one truth value for each of its {pages} pages")
        if len(flags):
            given = np.asarray(flags)
            if given.ndim != 1 or given.dtype.kind not in "biu" or not ((given == 0) | (given == 1)).all():
                fail(f"{what} has constantpageflags that are not one truth value for each of its {pages} pages")
            made[part] = given
    return made


def skipped_type(entry: object) -> str | None:
    """Return why an attribute is left out, by its definition; None for one that a mesh holds."""
    definition = _definition(entry)
    kind, scope = definition.get("type"), definition.get("scope", "public")
    if not isinstance(kind, str) or kind not in ("numeric", "string"):
        return f"its type is {short(kind, 40)}, and a mesh holds numbers and strings"
    return None if isinstance(scope, str) and scope == "public" else f"its scope is {short(scope, 40)}"


def _definition(entry: object) -> dict[str, Any]:
    if not isinstance(entry, list) or len(entry) != 2:
        fail(f"an attribute is {short(entry)}, and not a definition and its values")
    return pairs(entry[0], "the definition of an attribute")


def attribute_name(entry: object) -> str:
    """Return the name of an attribute."""
    name = _definition(entry).get("name")
    if not isinstance(name, str):
        fail(f"an attribute has the name {short(name)}")
    return name


def attribute(entry: list[Any], count: int, budget: Budget, notes: list[str], what: str) -> tuple[Attribute, str]:
    """Return the values of an attribute, ``(count, k)`` or `Strings`, and its type info, "" for none."""
    definition, data = _definition(entry), pairs(entry[1], what)
    notes += [f"{short(key)} of {what} was left out" for key in (*definition, *data) if key not in _KNOWN]
    options = pairs(definition.get("options", {}), f"the options of {what}")
    info = options.get("type")
    kind = info.get("value") if isinstance(info, dict) else ""
    texts = definition["type"] == "string"
    made = _block(field(data, what, "indices" if texts else "values"), count, budget, what)
    if "size" in data and natural(data["size"], f"the size of {what}") != made.shape[1]:
        fail(f"{what} has the size {short(data['size'])}, and its values have {made.shape[1]}")
    if not texts:
        return made, kind if isinstance(kind, str) else ""
    table = field(data, what, "strings")
    if not isinstance(table, list):
        fail(f"the strings of {what} are {short(table)}, and not a list")
    try:
        return Strings(table, made), kind if isinstance(kind, str) else ""
    except UsageError as error:
        raise DecodeError(f"not bgeo: {what}: {error}") from error


def group(entry: object, count: int, budget: Budget, what: str) -> tuple[str, Array, bool]:
    """Return the name of a group, who is in it (``(count,)`` bool), and whether it had an order."""
    if not isinstance(entry, list) or len(entry) != 2:
        fail(f"a {what} is {short(entry)}, and not a definition and a selection")
    name = pairs(entry[0], f"the definition of a {what}").get("name")
    if not isinstance(name, str):
        fail(f"a {what} has the name {short(name)}")
    what = f"the {what} {short(name)}"
    selection = pairs(field(pairs(entry[1], what), what, "selection"), f"the selection of {what}")
    budget.take(count, what)
    if "ordered" in selection:
        members = integers(selection["ordered"], what)
        if members.size and not 0 <= int(members.min()) <= int(members.max()) < count:
            fail(f"{what} has a member that does not exist: there are {count}")
        made = np.zeros(count, np.bool_)
        made[members] = True
        return name, made, True
    fields = pairs(field(selection, what, "unordered"), what)
    if "boolRLE" in fields:
        return name, _runs(fields["boolRLE"], count, what), False
    bits = flat(field(fields, what, "i8", "boolRLE"), what)
    if len(bits) != count or (bits.size and not ((bits == 0) | (bits == 1)).all()):
        fail(f"{what} has {len(bits)} values, and {count} of 0 or 1 are due")
    return name, bits.astype(np.bool_), False


def _runs(value: object, count: int, what: str) -> Array:
    if not isinstance(value, list) or len(value) % 2:
        fail(f"{what} is {short(value)}, and not lengths and truth values in turn")
    lengths = integers(value[::2], what)
    if not all(flag is True or flag is False for flag in value[1::2]):
        fail(f"{what} is {short(value)}, and not lengths and truth values in turn")
    if lengths.size and (int(lengths.min()) < 0 or int(lengths.max()) > count):
        fail(f"{what} has a run that is not of 0 to {count} elements")
    if int(lengths.sum()) != count:
        fail(f"{what} is of {int(lengths.sum())} elements, and there are {count}")
    made: Array = np.repeat(np.array(value[1::2], np.bool_), lengths)
    return made
