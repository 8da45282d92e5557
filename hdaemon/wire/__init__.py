"""Doors: sans-I/O parsers of what clients send.

A door is fed the bytes of one connection and returns events (`hdaemon.wire.events`). It knows no sockets, threads,
clocks, Qt or hou, so it is tested with bytes alone; what time it is, it is told by being called.
"""
