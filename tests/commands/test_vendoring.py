"""What is copied for Houdini: what hdaemon requires, pure Python only, with its licences."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import run_python

from hdaemon import paths
from hdaemon.commands.vendoring import to_copy
from hdaemon.errors import HdaemonError

pytestmark = pytest.mark.usefixtures("in_checkout")


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of installed packages that comes before this environment's."""
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def _package(site: Path, name: str, *files: str, requires: tuple[str, ...] = ()) -> None:
    info = f"{name}-1.0.dist-info"
    record = [*files, f"{info}/METADATA", f"{info}/RECORD", f"{info}/INSTALLER", f"{info}/licenses/LICENSE.txt"]
    for file in record:
        (site / file).parent.mkdir(parents=True, exist_ok=True)
        (site / file).write_text("")
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    (site / info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{needs}")
    lines = [f"{file},,\n" for file in (*record, "../../bin/tool", f"{name}/__pycache__/x.cpython-311.pyc")]
    (site / info / "RECORD").write_text("".join(lines))


def _targets() -> list[str]:
    return [str(copy.target) for copy in to_copy()[0]]


def test_from_this_checkout_it_is_qtpy_and_what_that_requires_and_msgpack() -> None:
    copies, left_out = to_copy()
    targets = {str(copy.target) for copy in copies}
    assert {"qtpy/__init__.py", "packaging/__init__.py"} <= targets
    packages = {copy.target.parts[0].partition("-")[0].lower() for copy in copies}
    assert {"qtpy", "packaging", "msgpack"} <= packages
    assert "numpy" not in packages
    assert [target for target in targets if target.startswith("QtPy-") and target.endswith("LICENSE.txt")]
    assert [target for target in targets if target.startswith("packaging-") and "LICENSE" in target]
    assert "msgpack/fallback.py" in targets
    assert {sentence.partition(" is not copied")[0] for sentence in left_out} == {
        "numpy",
        "the compiled part of msgpack",
    }
    assert all(copy.source.is_file() for copy in copies)


def test_only_what_is_required_in_every_case(site: Path) -> None:
    _package(site, "hdaemon", "hdaemon/__init__.py", requires=("one>=1", "PySide6!=6; extra == 'desktop'"))
    _package(site, "one", "one/__init__.py", "one/data.txt", requires=("two.x (>=2)", "three; extra == 'x'"))
    _package(site, "two_x", "two_x.py", requires=("one",))  # each the other's: no endless loop
    _package(site, "three", "three.py")
    assert _targets() == [
        "one/__init__.py",
        "one/data.txt",
        "one-1.0.dist-info/METADATA",
        "one-1.0.dist-info/licenses/LICENSE.txt",
        "two_x.py",
        "two_x-1.0.dist-info/METADATA",
        "two_x-1.0.dist-info/licenses/LICENSE.txt",
    ]


@pytest.mark.parametrize("name", ["numpy", "PySide6", "PySide6-Essentials", "shiboken6", "PySide2", "PyQt5"])
def test_never_numpy_and_never_qt(site: Path, name: str) -> None:
    _package(site, "hdaemon", "hdaemon/__init__.py", requires=(f"{name}>=1",))
    _package(site, name, f"{name.lower()}/__init__.py")
    copies, (sentence,) = to_copy()
    assert copies == []
    assert "Houdini has its own" in sentence


def test_never_anything_compiled(site: Path) -> None:
    _package(site, "hdaemon", "hdaemon/__init__.py", requires=("fast",))
    _package(site, "fast", "fast/__init__.py", "fast/_c.cpython-311-x86_64-linux-gnu.so")
    with pytest.raises(HdaemonError, match="fast is not pure Python"):
        to_copy()


def test_msgpack_goes_without_its_compiled_part_and_works(site: Path) -> None:
    copies, _ = to_copy()
    for copy in copies:
        (site / copy.target).parent.mkdir(parents=True, exist_ok=True)
        (site / copy.target).write_bytes(copy.source.read_bytes())
    assert not [path for path in site.rglob("*") if path.suffix in (".so", ".pyd", ".dll", ".dylib")]
    done = run_python(
        f"""
        import sys
        sys.path.insert(0, {str(site)!r})
        from hdaemon import content
        print(content.decode("application/msgpack", bytes([0x81, 0xA1, 0x61, 0x92, 1, 0xC0])))
        print(sys.modules["msgpack"].__file__.startswith({str(site)!r}), sys.modules["msgpack"].unpackb.__module__)
        """
    )
    assert done.stdout.splitlines() == ["{'a': [1, None]}", "True msgpack.fallback"], done.stderr


def test_what_is_missing_says_what_to_do(site: Path) -> None:
    _package(site, "hdaemon", "hdaemon/__init__.py", requires=("no-such-package-for-hdaemon",))
    with pytest.raises(HdaemonError, match="pip install no-such-package-for-hdaemon"):
        to_copy()
    _package(site, "hdaemon", "hdaemon/__init__.py", requires=("one",))
    _package(site, "one", "one/__init__.py")
    (site / "one" / "__init__.py").unlink()
    with pytest.raises(HdaemonError, match="force-reinstall one"):
        to_copy()
    (site / "one-1.0.dist-info/RECORD").unlink()
    with pytest.raises(HdaemonError, match="pip install one` again"):
        to_copy()


def test_from_a_wheel_hdaemon_goes_along(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "is_checkout", lambda: False)
    _package(site, "hdaemon", "hdaemon/__init__.py", "hdaemon/share/houdini/x", "hdaemon_panel/__init__.py")
    assert _targets()[:3] == ["hdaemon/__init__.py", "hdaemon/share/houdini/x", "hdaemon_panel/__init__.py"]
