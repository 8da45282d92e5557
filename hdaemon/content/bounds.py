"""What bounds the time and memory of a value, for every decoder that makes Python objects of each small part of it."""

from __future__ import annotations

__all__ = ["ADVICE", "BYTES_A_VALUE", "MAX_VALUES", "TIMES_ITS_SIZE"]

MAX_VALUES = 5_000_000
"""Values of one JSON or MessagePack payload: numbers, texts, names, lists and objects.

So many are a million points, each a list of three numbers, which take 3 seconds and a quarter of a gigabyte; the worst
takes 10 seconds and 640 MB. It is no field of `Limits`, as it holds where a message is read, and that may be after its
server has gone. Code that runs at start-up may set it here: it holds for what is decoded from then on.
"""

BYTES_A_VALUE, TIMES_ITS_SIZE = 128, 10
"""Decoding takes at most so many bytes for each value, whatever few bytes said it, and so many times the payload's size
(each text twice for a moment, with up to four bytes a character), with what is made of it. It is tested."""

ADVICE = "send numbers by the million as arrays (safetensors or npy), or set hdaemon.content.bounds.MAX_VALUES"
