"""The geometry of the small `hou`: see fake_hou.py."""

from hou import EnumValue, Error, OperationFailed


class numericData:  # noqa: N801
    Int32 = EnumValue("Int32")
    Int64 = EnumValue("Int64")
    Float16 = EnumValue("Float16")
    Float32 = EnumValue("Float32")
    Float64 = EnumValue("Float64")


class attribScope:  # noqa: N801
    Public = EnumValue("Public")


class GeometryPermissionError(Error):
    pass


class Attrib:
    def __init__(self, name: str) -> None:
        self._name = name

    def name(self) -> str:
        return self._name


_unknown_intrinsics: set[str] = set()


class Geometry:
    """Holds an hdaemon Mesh, read from bgeo by hdaemon; None is empty."""

    def __init__(self) -> None:
        self._mesh, self._writable = None, True
        self._calls: list[str] = []
        self._refuses = ""  # what the next load raises

    def _change(self, call: str) -> None:
        if not self._writable:
            raise GeometryPermissionError
        self._calls.append(call)

    def _of(self, cls: str) -> dict:
        if self._mesh is None:
            return {}
        return {**({"P": self._mesh.points} if cls == "point" else {}), **getattr(self._mesh, cls)}

    def load(self, data: bytes) -> None:
        from hdaemon.content import bgeo

        assert type(data) is bytes
        self._change("load")
        if self._refuses:
            raise OperationFailed(self._refuses)
        self._mesh = bgeo.read(data)

    def data(self) -> bytes:
        from hdaemon.content import bgeo
        from hdaemon.content.mesh import Mesh

        return bgeo.write(Mesh([]) if self._mesh is None else self._mesh)

    def clear(self) -> None:
        self._change("clear")
        self._mesh = None

    def intrinsicValue(self, intrinsic_name: str) -> int:  # noqa: N802
        counted = {"pointcount": "points", "vertexcount": "indices", "primitivecount": "counts"}
        if intrinsic_name in _unknown_intrinsics or intrinsic_name not in counted:
            raise OperationFailed("Invalid intrinsic")
        return 0 if self._mesh is None else len(getattr(self._mesh, counted[intrinsic_name]))

    def _find(self, cls: str, name: str) -> "Attrib | None":
        return Attrib(name) if name in self._of(cls) or (cls, name) == ("point", "P") else None

    def findPointAttrib(self, name: str, scope: EnumValue = attribScope.Public) -> "Attrib | None":  # noqa: N802
        return self._find("point", name)

    def findVertexAttrib(self, name: str, scope: EnumValue = attribScope.Public) -> "Attrib | None":  # noqa: N802
        return self._find("vertex", name)

    def findPrimAttrib(self, name: str, scope: EnumValue = attribScope.Public) -> "Attrib | None":  # noqa: N802
        return self._find("prim", name)

    def findGlobalAttrib(self, name: str, scope: EnumValue = attribScope.Public) -> "Attrib | None":  # noqa: N802
        return self._find("detail", name)

    def _replace(self, cls: str, name: str, value: object) -> None:
        from hdaemon.content.mesh import Mesh

        old = self._mesh
        fields = ("points", "counts", "indices", "point", "vertex", "prim", "detail")
        given = {field: getattr(old, field) for field in fields}
        given |= {field: getattr(old, field) for field in ("closed", "kinds", "point_groups", "prim_groups")}
        if name == "P":
            given["points"] = value
        else:
            given[cls] = {**given[cls], name: value}
        self._mesh = Mesh(**given)

    def _set(self, cls: str, name: str, values: bytes, number: EnumValue, kind: str) -> None:
        import numpy

        self._change(f"{cls}/{name}")
        held = self._of(cls).get(name)
        dtype = numpy.dtype(number.name().lower())
        if held is None or held.dtype.kind != kind or dtype.kind != kind:
            raise OperationFailed(f"no such attribute: {cls} {name}")
        made = numpy.frombuffer(values, dtype)
        if made.size != held.size:
            raise OperationFailed("Incorrect attribute value sequence size.")
        self._replace(cls, name, made.astype(held.dtype).reshape(held.shape))

    def setPointFloatAttribValuesFromString(  # noqa: N802
        self, name: str, values: bytes, float_type: EnumValue = numericData.Float32
    ) -> None:
        self._set("point", name, values, float_type, "f")

    def setVertexFloatAttribValuesFromString(  # noqa: N802
        self, name: str, values: bytes, float_type: EnumValue = numericData.Float32
    ) -> None:
        self._set("vertex", name, values, float_type, "f")

    def setPrimFloatAttribValuesFromString(  # noqa: N802
        self, name: str, values: bytes, float_type: EnumValue = numericData.Float32
    ) -> None:
        self._set("prim", name, values, float_type, "f")

    def setPointIntAttribValuesFromString(  # noqa: N802
        self, name: str, values: bytes, int_type: EnumValue = numericData.Int32
    ) -> None:
        self._set("point", name, values, int_type, "i")

    def setVertexIntAttribValuesFromString(  # noqa: N802
        self, name: str, values: bytes, int_type: EnumValue = numericData.Int32
    ) -> None:
        self._set("vertex", name, values, int_type, "i")

    def setPrimIntAttribValuesFromString(  # noqa: N802
        self, name: str, values: bytes, int_type: EnumValue = numericData.Int32
    ) -> None:
        self._set("prim", name, values, int_type, "i")

    def setGlobalAttribValue(self, name_or_attrib: str, attrib_value: object) -> None:  # noqa: N802
        self._change(f"detail/{name_or_attrib}")
        held = self._of("detail").get(name_or_attrib)
        if held is None:
            raise OperationFailed(f"no such attribute: {name_or_attrib}")
        given = list(attrib_value) if isinstance(attrib_value, tuple) else [attrib_value]
        if len(given) != len(held):
            raise OperationFailed("Incorrect attribute value sequence size.")
        if hasattr(held, "dtype"):
            import numpy

            given = numpy.array(given, held.dtype)
        self._replace("detail", name_or_attrib, given)
