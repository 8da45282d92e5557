"""npy: every array that numpy.save writes without pickle, as a view; everything else refused."""

from __future__ import annotations

import ast
import io
import sys
import time
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hdaemon.content import npy
from hdaemon.errors import DecodeError


def save(array: Any, version: tuple[int, int] | None = None) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array), version, allow_pickle=True)
    return file.getvalue()


def written(head: str, data: bytes = b"", version: int = 1) -> bytes:
    text = head.encode("utf-8" if version == 3 else "latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + len(text).to_bytes(2 if version == 1 else 4, "little") + text + data


def head(descr: str = "'<f4'", order: str = "False", shape: str = "(0,)") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}"


ARRAYS = {
    "floats": np.arange(6.0).reshape(2, 3),
    "fortran": np.asfortranarray(np.arange(24.0).reshape(2, 3, 4)),
    "no dimension": np.array(2.5),
    "empty": np.zeros(0),
    "empty of many dimensions": np.zeros((0, 5, 2**40)),
    "big endian": np.arange(5, dtype=">i4"),
    "bool": np.array([True, False]),
    "half": np.array([0.5], "<f2"),
    "complex": np.array([1 + 2j]),
    "text": np.array(["a", "é漢", ""]),
    "bytes": np.array([b"a", b"bcd"]),
    "void": np.array([b"abc"], "V3"),
    "date": np.array(["2024-01-01", "NaT"], "M8[ns]"),
    "date of 25 s": np.array([7], "M8[25s]"),
    "span": np.array([7], "m8[ms]"),
    "structure": np.zeros(3, [("P", "<f4", (3,)), ("id", ">i8")]),
    "structure in structure": np.zeros(2, [("a", [("b", "i1"), ("c", "f8", (2, 2))])]),
    "aligned structure": np.ones(3, np.dtype([("a", "i1"), ("b", "f8"), ("c", "i2")], align=True)),
    "titles": np.zeros(2, [(("a title", "a"), "f4")]),
    "quotes in names": np.zeros(2, [('it\'s "x"\\', "f4"), ("\t", "i4")]),
    "one field": np.zeros((2, 2), [("x", "?")]),
}


@pytest.mark.parametrize("version", [(1, 0), (2, 0), (3, 0)])
@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS)
def test_as_numpy_reads_it(array: np.ndarray, version: tuple[int, int]) -> None:
    payload = save(array, version)
    decoded = npy.decode(payload)
    expected = np.load(io.BytesIO(payload), allow_pickle=False)
    assert decoded.dtype == expected.dtype
    assert decoded.shape == array.shape
    assert repr(decoded.tolist()) == repr(expected.tolist())  # not the bytes: what pads a structure is anything
    assert decoded.flags.f_contiguous == expected.flags.f_contiguous
    assert not decoded.flags.writeable
    assert decoded.flags.aligned


_SHAPES = [
    *("()", "(1,)", "(0,)", "(7, 12)", "(1, 0, 3)", "(1, 2, 3, 4)"),  # as numpy writes them
    *("(1)", "(1, 2,)", "(1,2)", "(1 ,)", "( 1,)", "(1, )", "(,)", "(1,, 2)", "(1, 2", "[1]", "1", "(1; 2)"),
    *(
        "(01,)",
        "(00,)",
        "(1, 02)",
        "(-1,)",
        "(+1,)",
        "(1.,)",
        "(1e1,)",
        "(True,)",
        "('1',)",
        "(1L,)",
        "(\u0661,)",
        "(1_0,)",
    ),
    *(f"({'9' * 18},)", f"({'9' * 19},)", f"({'9' * 30}, 2)"),
]
_DESCRS = ["<f4", "|b1", ">i8", "<M8[25s]", "<U3", "f4", "|O", "|V0", "", "<f4'", "\\x66\\x34", "é", "a" * 40, "a" * 41]


@pytest.mark.parametrize("shape", _SHAPES)
def test_what_the_usual_head_says_is_what_python_reads_in_it(shape: str) -> None:
    for descr in _DESCRS:
        for order in ("True", "False", "1", "true", "'True'"):
            for end in ("", " ", "   \n", " 0", "\n\0", "}"):
                text = head(f"'{descr}'", order, shape) + end
                usual = npy._usual(text)
                if usual is not None:
                    assert usual == npy._literal(text) == ast.literal_eval(text.strip())
                    assert [type(extent) for extent in usual["shape"]] == [int] * len(usual["shape"])


@pytest.mark.parametrize(
    "name", [name for name in ARRAYS if "struct" not in name and name not in ("titles", "one field", "quotes in names")]
)
def test_the_usual_head_is_what_numpy_writes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(npy, "_literal", pytest.fail)  # which takes twenty times as long
    assert npy.decode(save(ARRAYS[name], (1, 0))).shape == ARRAYS[name].shape


def test_names_that_are_not_latin() -> None:
    array = np.zeros(2, [("漢", "f4")])
    assert npy.decode(save(array, (3, 0))).dtype == array.dtype


def test_it_is_a_view() -> None:
    payload = save(np.arange(1000.0))
    assert np.shares_memory(npy.decode(payload), np.frombuffer(payload, np.uint8))
    buffer = np.frombuffer(payload, np.uint8).copy()
    view = npy.decode(memoryview(buffer))
    buffer[-8:] = np.array([7.0]).view(np.uint8)
    assert view[-1] == 7.0
    assert not view.flags.writeable


def test_what_is_not_aligned_is_copied() -> None:
    # 79 bytes of head where numpy.save pads to 128
    payload = written(head("'<f8'", shape="(2,)"), np.array([1.5, 2.5]).tobytes())
    shift = bytearray(1) + payload
    for start in (payload, memoryview(shift)[1:]):
        decoded = npy.decode(start)
        assert decoded.flags.aligned
        assert decoded.tolist() == [1.5, 2.5]
        assert not decoded.flags.writeable


def test_what_python_2_wrote() -> None:
    assert npy.decode(written(head(shape="(2L, 1L)"), bytes(8))).shape == (2, 1)


def test_other_writers() -> None:
    payload = written('{"shape":(2,),"fortran_order":False,"descr":"f4"}', bytes(8))
    assert npy.decode(payload).shape == (2,)
    assert npy.decode(written(head("[('a', '<f4', 1)]"), b"")).dtype == np.dtype([("a", "<f4", (1,))])


@pytest.mark.parametrize("array", [np.array([1, None]), np.zeros(2, [("x", "O")]), np.zeros(2, [("x", [("y", "O")])])])
def test_pickles_are_never_read(array: np.ndarray) -> None:
    with pytest.raises(DecodeError, match="pickled Python objects, which are never read"):
        npy.decode(save(array))


@pytest.mark.parametrize(
    ("payload", "error"),
    [
        (b"", "begins with b''"),
        (b"\x93NUMPY", "begins with"),
        (b"\x93NUMPX\x01\x00", "begins with"),
        (b"PK\x03\x04" + bytes(100), "begins with"),
        (written(head(), version=4), "version 4.0"),
        (b"\x93NUMPY\x01\x01\x00\x00", "version 1.1"),
        (written(head())[:20], "cut off: the head ends at offset"),
        (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "over the limit of 65535"),
        (b"\x93NUMPY\x03\x00\x03\x00\x00\x00\xff\xff\xff", "not UTF-8 at offset 12"),
        (written(""), "no Python literal"),
        (written("{}"), "not a dict of descr, fortran_order and shape"),
        (written("[1, 2, 3]"), "not a dict of"),
        (written("{'a': 1, 'b': 2, 'c': 3}"), "the head has"),
        (written("{'descr': '<f4', 'fortran_order': False, 'shape': (0,), 'x': 1}"), "not a dict of"),
        (written("{'descr': '<f4', 'descr': '<f8', 'shape': (0,)}"), "the head has"),
        (written("{'descr': '<f4', 'fortran_order': False, 'shape': (0,)"), "no Python literal"),
        (written("{'descr': '<f4'} {'fortran_order': False}"), "no Python literal"),
        (written("{[]: 1, 2: 2, 3: 3}"), "no Python literal"),
        (written("__import__('os').system('true')"), "a literal is expected"),
        (written(head(shape="(2**40,)")), "a literal is expected"),
        (written(head(shape="(-1,)")), "a literal is expected"),
        (written(head(shape="(1.0,)")), "a literal is expected"),
        (written(head(shape="[0]")), "the shape is"),
        (written(head(shape="0")), "the shape is"),
        (written(head(shape="(True,)")), "the shape is"),
        (written(head(shape="('0',)")), "the shape is"),
        (written(head(shape="(" + "1," * 65 + ")")), "65 dimensions are over the limit of 64"),
        (written(head(order="0")), "fortran_order is 0"),
        (written(head("'<f3'")), "numpy has no type"),
        (written(head("'<q8'")), "not a type that is known"),
        (written(head("'i4,f4'")), "not a type that is known"),
        (written(head("'(2,3)f4'")), "not a type that is known"),
        (written(head("'datetime64[ns]'")), "not a type that is known"),
        (written(head("'|O8'")), "pickled"),
        (written(head("'O'")), "pickled"),
        (written(head("'object'")), "pickled"),
        (written(head("'|S0'")), "have no bytes"),
        (written(head("'<U'")), "have no bytes"),
        (written(head("'<U999999999'", shape="(1,)")), "not a type|no bytes"),
        (written(head("[]")), "have no bytes"),
        (written(head("5")), "describes no type"),
        (written(head("{'a': ('<f4', 0)}")), "describes no type"),
        (written(head("[5]")), "describes no field"),
        (written(head("[('a',)]")), "describes no field"),
        (written(head("[(5, '<f4')]")), "not the name of a field"),
        (written(head("[('a', '<f4'), ('a', '<f4')]")), "numpy has no type"),
        (written(head("[('a', '<f4', 'i2')]")), "not the shape of a field"),
        (written(head("[('a', '<f4', {'b': ('i2', 0)})]")), "not the shape of a field"),
        (written(head("('<i4', [('b', '<i2'), ('c', '<i2')])")), "not the shape of a field"),
        (written(head("[('a', '<f4', (99999, 99999))]")), "numpy has no type"),
        (written(head("[" + "('', '|V99999999')," * 40 + "]")), "numpy has no type|no bytes|are announced"),
        (written(head(shape="(1,)")), "(1,) items of 4 bytes are announced, and 0 bytes follow"),
        (written(head(shape="(1,)"), bytes(3)), "and 3 bytes follow"),
        (written(head(shape="(1,)"), bytes(5)), "and 5 bytes follow"),
        (written(head(), bytes(1)), "and 1 bytes follow"),
        (written(head(shape="(4294967296, 4294967296)")), "are announced"),
        (written(head(shape="(" + "9" * 4000 + ",)")), "are announced"),
        (written(head(shape="(" + "9" * 5000 + ",)")), "no Python literal"),
        (written(head("'|b1'", shape="(2,)"), b"\x01\x02"), "a truth value is neither 0 nor 1"),
    ],
)
def test_refused(payload: bytes, error: str) -> None:
    with pytest.raises(DecodeError) as caught:
        npy.decode(payload)
    assert any(part in str(caught.value) for part in error.split("|"))
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    "text", ["(" * 65535, "{" * 65535, "-" * 65000 + "1", "1+" * 30000 + "1", "'" * 65535, "1" * 65535]
)
def test_a_head_made_to_hurt_the_parser(text: str) -> None:
    begin = time.perf_counter()
    with pytest.raises(DecodeError):
        npy.decode(written(text))
    assert time.perf_counter() - begin < 1


@given(st.binary(max_size=200))
def test_random_heads(text: bytes) -> None:
    with pytest.raises(DecodeError):
        npy.decode(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)


@given(st.text(alphabet="[](){},:'<fiuV|O0123456789L \\abTrueFals", max_size=40), st.sampled_from(["descr", "shape"]))
def test_heads_that_nearly_are(text: str, what: str) -> None:
    try:
        array = npy.decode(written(head(**{what: text}), bytes(4)))
    except DecodeError:
        return
    assert array.nbytes == 4


@pytest.mark.parametrize("cut", range(0, 140, 7))
def test_cut(cut: int) -> None:
    payload = save(np.arange(3.0))
    with pytest.raises(DecodeError):
        npy.decode(payload[:cut])


def test_as_many_words_as_the_limit_and_one_more(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = written(head(shape="(" + "1," * 20 + ")"), b"abcd")  # 55 of them
    assert npy.MAX_TOKENS == 15_000
    monkeypatch.setattr(npy, "MAX_TOKENS", 55)
    assert npy.decode(payload).shape == (1,) * 20
    monkeypatch.setattr(npy, "MAX_TOKENS", 54)
    with pytest.raises(DecodeError, match="the head has more than 54 words and signs"):
        npy.decode(payload)


def test_without_numpy_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = save(np.arange(3.0))
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(DecodeError, match="pip install numpy"):
        npy.decode(payload)
