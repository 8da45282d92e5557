"""Houdini: the only package of the library that imports `hou`, and only inside functions."""
