"""What the decoders share: a payload as flat bytes, and arrays that are views of it.

Nothing here copies, but an array whose items do not lie at addresses that suit them, and a payload that is
not contiguous.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING, Any

from hdaemon.errors import DecodeError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["MAX_DIMENSIONS", "Payload", "array", "flat", "load_numpy", "short"]

MAX_DIMENSIONS = 64
"""Of an array: numpy 2 has no more (numpy 1 has 32). Checked before the extents are multiplied."""

Payload = bytes | bytearray | memoryview
"""What a decoder is fed. A door may hand over a memoryview of a buffer that it uses again once nobody holds it."""


def flat(payload: Payload) -> memoryview:
    """Return the bytes of `payload` as a read-only view, one dimension of unsigned bytes, whatever its own format."""
    view = memoryview(payload)
    if view.nbytes == 0:
        return memoryview(b"")  # cast() refuses a shape with a zero in it
    if not view.c_contiguous:
        view = memoryview(view.tobytes())
    return (view if view.format == "B" and view.ndim == 1 else view.cast("B")).toreadonly()


def load_numpy(why: str) -> ModuleType:
    """Return the module numpy, imported when it is first needed.

    Raises:
        DecodeError: it is not installed; says that `why` needs it.
    """
    try:
        import numpy
    except ImportError as error:
        raise DecodeError(
            f"{why} needs numpy, which cannot be imported here ({error}); run `python -m pip install numpy`"
        ) from error
    return numpy


def array(
    view: memoryview, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int = 0, *, fortran_order: bool = False
) -> npt.NDArray[Any]:
    """Return the items at `offset` of `view` as a read-only array: a view, or a copy where they are not aligned.

    The caller has checked that `view` holds as much.

    Raises:
        DecodeError: numpy has no such array (too many dimensions), or a truth value is neither 0 nor 1, which numpy
            takes for granted when it calculates.
    """
    numpy = load_numpy("an array")
    try:
        made: npt.NDArray[Any] = numpy.ndarray(shape, dtype, view, offset, order="F" if fortran_order else "C")
    except (ValueError, TypeError, OverflowError) as error:
        raise DecodeError(f"numpy cannot hold an array of shape {short(shape)} and type {dtype}: {error}") from error
    if dtype.kind == "b" and made.size and int(made.view(numpy.uint8).max()) > 1:
        raise DecodeError("a truth value is neither 0 nor 1: send 0 and 1, or unsigned bytes")
    if not made.flags.aligned:
        made = made.copy(order="A")
        made.flags.writeable = False
    return made


def short(value: object, max_chars: int = 80) -> str:
    """Return how `value` is written in Python, cut to `max_chars`: what is quoted in an error came from outside."""
    try:
        text = repr(value[:max_chars] if isinstance(value, (str, bytes)) else value)
    except ValueError:  # an integer of more digits than Python is willing to write
        text = f"<{type(value).__name__}>"
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"
