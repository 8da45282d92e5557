"""application/json: strict JSON (RFC 8259), as Python objects.

The grammar is the RFC's, and no more: no NaN, no Infinity, no comments, no trailing commas. Where the RFC leaves the
choice, this is what is done here:

- A byte order mark is refused (section 8.1 allows that), and so is everything but UTF-8.
- A name twice in one object is refused (4): what the sender meant cannot be known.
- Nesting is limited to `MAX_DEPTH` (9), and values to `bounds.MAX_VALUES`: both are checked before anything is parsed.
- Whole numbers become int, of at most `MAX_INTEGER_DIGITS` digits (6). Others become float, with its precision, of as
  many characters; one too large for a float is refused, as it would become an infinity that JSON cannot say.
- An escaped surrogate without its other half (8.2) is refused: such a str could not be written out as UTF-8 again.
- U+0000 and other escaped control characters, and code points that are no characters, are kept.
"""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

from hdaemon.content import bounds
from hdaemon.content.buffers import Payload, flat, short
from hdaemon.errors import DecodeError

__all__ = ["MAX_DEPTH", "MAX_INTEGER_DIGITS", "decode"]

MAX_DEPTH = 64
"""Arrays and objects inside each other: far more than data has, far less than a parser's stack."""

MAX_INTEGER_DIGITS = 4300
"""Python's own limit (3.10.7 on): turning digits into an int takes a time that grows with their square."""

_ADVICE = "send JSON as RFC 8259 has it, or the text as text/plain"
_CHUNK = 1 << 16
"""Looked through at once. A bracket too many is then looked for byte by byte within so much only: 9 ms."""

_STRING = re.compile(rb'"[^"]*"?')
_BUT_BRACKETS = bytes(set(range(256)) - set(b'"[]{}'))
_BUT_MARKS = bytes(set(range(256)) - set(b'"[{,:'))
_STEPS = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")  # as signed bytes: one level more, one less
_SURROGATES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair
    r"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
    r"|\\.",  # another escape, so that the second half of an escaped backslash begins none
    re.DOTALL,
)


class _Refused(ValueError):
    """The parser came upon a number or word that is not taken; `args` are the text and the reason."""


def decode(payload: Payload, max_values: int | None = None) -> Any:
    """Return the value of `payload`: dict, list, str, int, float, bool or None.

    Args:
        payload: the text.
        max_values: how many values it may hold; by default `bounds.MAX_VALUES`.

    Raises:
        DecodeError: it is not JSON, or past a limit; says what is wrong and where (not where, of a doubled name).
    """
    view = flat(payload)
    if bytes(view[:3]) == b"\xef\xbb\xbf":
        raise DecodeError("not JSON: it begins with a byte order mark; send it without (RFC 8259, 8.1)")
    try:
        text = str(view, "utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError(
            f"not JSON: byte 0x{view[error.start]:02x} at offset {error.start} is not UTF-8; {_ADVICE}"
        ) from error
    _check_depth(view)
    _check_values(view, text, bounds.MAX_VALUES if max_values is None else max_values)
    if "\\ud" in text or "\\uD" in text:
        _check_surrogates(text)
    try:
        return _parser().decode(text)
    except json.JSONDecodeError as error:
        _refuse(error.msg[:1].lower() + error.msg[1:].removesuffix(" at"), text, error.pos)
    except DecodeError:
        raise
    except _Refused as error:
        literal, reason = error.args
        begin = re.escape(literal[: MAX_INTEGER_DIGITS + 1])  # an expression of more takes half a second to make
        _refuse(reason, text, _outside_strings(begin, text))
    except ValueError:  # what int() raises of too many digits
        limit = sys.get_int_max_str_digits()
        reason = f"an integer has more than {limit} digits"
        _refuse(reason, text, _outside_strings(rf"-?[0-9]{{{limit + 1}}}", text))


def _parser() -> json.JSONDecoder:
    # Python's own limit costs nothing; a Python without it, or with a larger one, calls _integer for each integer.
    own_limit = getattr(sys, "get_int_max_str_digits", lambda: 0)()
    return json.JSONDecoder(
        object_pairs_hook=_object,
        parse_constant=_constant,
        parse_float=_float,
        parse_int=None if 0 < own_limit <= MAX_INTEGER_DIGITS else _integer,
    )


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise DecodeError(f"not JSON: the name {short(name)} is twice in one object; give it once")
            seen.add(name)
    return made


def _constant(name: str) -> NoReturn:
    raise _Refused(name, f"{name} is no JSON number (use null)")


def _float(digits: str) -> float:
    if len(digits) > MAX_INTEGER_DIGITS:  # the time grows with their square here too
        raise _Refused(digits, f"a number has more than {MAX_INTEGER_DIGITS} digits")
    value = float(digits)
    if math.isinf(value):
        raise _Refused(digits, "a number is too large for a float of 64 bits")
    return value


def _integer(digits: str) -> int:
    if len(digits) > MAX_INTEGER_DIGITS + digits.startswith("-"):
        raise _Refused(digits, f"an integer has more than {MAX_INTEGER_DIGITS} digits")
    return int(digits)


def _check_depth(view: memoryview) -> None:
    """Refuse what nests deeper than `MAX_DEPTH`, a part at a time and with nothing but C loops.

    In what is not JSON anyway (a backslash outside of a string) the levels after that may be counted wrongly: the
    parser stops there.
    """
    depth = 0
    for start, inside, brackets in _outside_texts(view, _BUT_BRACKETS):
        steps = memoryview(brackets.translate(_STEPS)).cast("b")
        if max(accumulate(steps, initial=depth)) > MAX_DEPTH:
            _too_deep(view, start, depth, inside)
        depth += sum(steps)


def _check_values(view: memoryview, text: str, most: int) -> None:
    """Refuse what holds more than `most` values: one, and one for each bracket that opens, comma and colon.

    So an empty list or object counts twice.
    """
    if len(view) <= most:
        return
    if 1 + sum(map(text.count, "[{,:")) <= most:  # a third of the time that it takes to leave out the texts
        return
    count = 1
    for start, _, marks in _outside_texts(view, _BUT_MARKS):
        count += len(marks)
        if count > most:
            raise DecodeError(
                f"not taken as JSON: it holds more than {most} values, which is the limit: so many end before byte "
                f"offset {min(start + _CHUNK, len(view))} of {len(view)}; {bounds.ADVICE}"
            )


def _outside_texts(view: memoryview, left_out: bytes) -> Iterator[tuple[int, bool, bytes]]:
    """Yield for each part of `view` its offset, whether it begins inside a text, and its bytes outside of texts.

    Without those in `left_out`, which are all but a few: the rest is looked at by C loops.
    """
    inside, start = False, 0
    while start < len(view):
        part = bytes(view[start : start + _CHUNK])
        if (len(part) - len(part.rstrip(b"\\"))) % 2:  # an escape is cut: take its second half along
            part = bytes(view[start : start + len(part) + 1])
        marks = part.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, left_out)
        if inside:
            marks = b'"' + marks
        yield start, inside, _STRING.sub(b"", marks)
        inside, start = marks.count(b'"') % 2 == 1, start + len(part)


def _too_deep(view: memoryview, start: int, depth: int, inside: bool) -> NoReturn:
    """Find the bracket that is one too many, in the part that begins at `start`."""
    escaped = False
    for offset in range(start, len(view)):
        char = view[offset]
        if escaped:
            escaped = False
        elif char == 0x5C:
            escaped = True
        elif char == 0x22:
            inside = not inside
        elif not inside:
            depth += (char in b"[{") - (char in b"]}")
            if depth > MAX_DEPTH:
                break
    raise DecodeError(
        f"not taken as JSON: at byte offset {offset} it nests deeper than {MAX_DEPTH} levels, which is the limit; "
        "send flatter data"
    )


def _check_surrogates(text: str) -> None:
    for match in _SURROGATES.finditer(text):
        if match[1]:
            _refuse(f"the escape {match[1]} is half of a character (a lone surrogate)", text, match.start())


def _outside_strings(pattern: str, text: str) -> int:
    """Return where `pattern` first matches outside of strings; up to there `text` is JSON."""
    inside, last = False, 0
    for match in re.finditer(pattern, text):
        between = text[last : match.start()].replace("\\\\", "").replace('\\"', "")
        inside ^= between.count('"') % 2 == 1
        last = match.start()
        if not inside:
            break
    return last


def _refuse(reason: str, text: str, at: int) -> NoReturn:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    offset = len(text[:at].encode())
    raise DecodeError(f"not JSON: {reason} at line {line}, column {column} (byte offset {offset}); {_ADVICE}") from None
