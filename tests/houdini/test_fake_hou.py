"""The fake hou has the names and the parameters of the published stubs: else tests would pass and Houdini fail."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path

import pytest

FAKES = sorted(Path(__file__).parent.glob("fake_hou*.py"))

Signatures = dict[str, tuple[bool, list[str]]]


def _stubs() -> Path:
    for folder in importlib.util.find_spec("pytest").submodule_search_locations or []:
        found = Path(folder).parent / "hou-stubs" / "__init__.pyi"
        if found.is_file():
            return found
    pytest.skip("types-houdini is not installed")


def _read(*paths: Path) -> tuple[Signatures, set[str], dict[str, list[str]]]:
    """Return the functions and methods (static?, parameters), the class attributes, and the base classes."""
    functions: Signatures = {}
    attributes: set[str] = set()
    bases: dict[str, list[str]] = {}

    def add(prefix: str, node: ast.AST) -> None:
        if isinstance(node, ast.FunctionDef):
            a = node.args
            names = [arg.arg for arg in (*a.posonlyargs, *a.args, *filter(None, [a.vararg]), *a.kwonlyargs)]
            names += [a.kwarg.arg] if a.kwarg else []
            static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in node.decorator_list)
            functions[prefix + node.name] = (static, names)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            attributes.add(prefix + node.target.id)
        elif isinstance(node, ast.Assign):
            attributes.update(prefix + target.id for target in node.targets if isinstance(target, ast.Name))

    for node in (node for path in paths for node in ast.parse(path.read_text(encoding="utf-8")).body):
        if isinstance(node, ast.ClassDef):
            bases[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
            for member in node.body:
                add(f"{node.name}.", member)
        else:
            add("", node)
    return functions, attributes, bases


def _public(names: set[str]) -> set[str]:
    return {name for name in names if not name.rpartition(".")[2].startswith("_")}


def test_the_fake_is_as_the_stubs_say() -> None:
    stub_functions, stub_attributes, stub_bases = _read(_stubs())
    functions, attributes, bases = _read(*FAKES)
    public = _public(set(functions))
    for name in sorted(public):
        assert stub_functions[name] == functions[name], name
    assert len(public) >= 90
    members = {name for name in _public(attributes) if "." in name}
    assert members
    assert members <= stub_attributes
    for name in bases:
        assert stub_bases[name] == bases[name], name
