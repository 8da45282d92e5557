"""Writing into Houdini's packages folder and undoing it: exactly what was written, whatever else is there."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hdaemon.commands import record
from hdaemon.errors import HdaemonError

FILES = {"hdaemon/python/one/a.py": b"a = 1\n", "hdaemon/python/one/b.py": b"b = 1\n", "hdaemon.json": b"{}"}


def tree(folder: Path) -> dict[str, bytes | None]:
    """Return everything below `folder`: the content of files, None for folders."""
    found = sorted(folder.rglob("*"))
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in found}


@pytest.mark.parametrize("packages_exist", [True, False])
def test_remove_leaves_the_folder_as_it_was(tmp_path: Path, packages_exist: bool) -> None:
    packages = tmp_path / "packages"
    if packages_exist:
        packages.mkdir()
        (packages / "other.json").write_text("{}")
    before = tree(tmp_path)
    assert record.write(packages, FILES) == set(FILES)
    assert {name: (packages / name).read_bytes() for name in FILES} == FILES
    assert record.remove(packages) is not None
    assert tree(tmp_path) == before
    assert record.remove(packages) is None


def test_what_python_compiled_goes_too(tmp_path: Path) -> None:
    record.write(tmp_path, FILES)
    cache = tmp_path / "hdaemon/python/one/__pycache__"
    cache.mkdir()
    (cache / "a.cpython-311.pyc").write_bytes(b"")
    (cache / "a.cpython-313.opt-1.pyc").write_bytes(b"")
    record.remove(tmp_path)
    assert tree(tmp_path) == {}


def test_files_of_others_stay(tmp_path: Path) -> None:
    record.write(tmp_path, FILES)
    mine = tmp_path / "hdaemon/python/one/mine.txt"
    mine.write_text("mine")
    record.remove(tmp_path)
    assert {name for name, content in tree(tmp_path).items() if content is not None} == {
        str(mine.relative_to(tmp_path))
    }


def test_a_folder_that_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "hdaemon").mkdir()
    record.write(tmp_path, FILES)
    record.remove(tmp_path)
    assert tree(tmp_path) == {"hdaemon": None}


def test_writing_again_is_an_update(tmp_path: Path) -> None:
    record.write(tmp_path, FILES)
    assert record.write(tmp_path, FILES) == set()
    newer = {"hdaemon/python/two/c.py": b"c = 1\n", "hdaemon/python/one/a.py": b"a = 2\n", "hdaemon.json": b"{}"}
    changed = record.write(tmp_path, newer)
    assert changed == {"hdaemon/python/two/c.py", "hdaemon/python/one/a.py", "hdaemon/python/one/b.py"}
    assert not (tmp_path / "hdaemon/python/one/b.py").exists()
    record.write(tmp_path, {"hdaemon.json": b"{}"})
    assert not (tmp_path / "hdaemon/python").exists()
    record.remove(tmp_path)
    assert tree(tmp_path) == {}


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    assert record.write(tmp_path / "packages", FILES, dry_run=True) == set(FILES)
    assert tree(tmp_path) == {}
    record.write(tmp_path, FILES)
    before = tree(tmp_path)
    assert record.remove(tmp_path, dry_run=True) is not None
    assert tree(tmp_path) == before


def test_a_foreign_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "hdaemon.json").write_text("theirs")
    before = tree(tmp_path)
    with pytest.raises(HdaemonError, match=r"hdaemon\.json is there already .* --force"):
        record.write(tmp_path, FILES)
    assert tree(tmp_path) == before


def test_force_replaces_foreign_files_and_remove_brings_them_back(tmp_path: Path) -> None:
    (tmp_path / "hdaemon/python/one").mkdir(parents=True)
    (tmp_path / "hdaemon.json").write_text("theirs")
    (tmp_path / "hdaemon/python/one/a.py").write_text("theirs too")
    before = tree(tmp_path)
    record.write(tmp_path, FILES, force=True)
    assert (tmp_path / "hdaemon.json").read_bytes() == b"{}"
    record.write(tmp_path, {**FILES, "hdaemon.json": b"{ }"}, force=True)  # an update keeps what was kept
    record.remove(tmp_path)
    assert tree(tmp_path) == before


def test_an_edited_package_file_is_not_overwritten(tmp_path: Path) -> None:
    record.write(tmp_path, FILES)
    (tmp_path / "hdaemon.json").write_text("edited")
    with pytest.raises(HdaemonError, match="was edited since"):
        record.write(tmp_path, {**FILES, "hdaemon.json": b"{ }"})
    assert (tmp_path / "hdaemon.json").read_text() == "edited"
    record.write(tmp_path, {**FILES, "hdaemon.json": b"{ }"}, force=True)
    assert (tmp_path / "hdaemon.json").read_bytes() == b"{ }"


def test_what_was_deleted_by_hand_comes_back(tmp_path: Path) -> None:
    record.write(tmp_path, FILES)
    (tmp_path / "hdaemon.json").unlink()
    assert record.write(tmp_path, FILES) == {"hdaemon.json"}
    (tmp_path / "hdaemon.json").unlink()
    record.remove(tmp_path)
    assert tree(tmp_path) == {}


def test_an_interrupted_installation_can_be_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put = record._put

    def full_disk(path: Path, content: bytes) -> None:
        if path.name == "b.py":
            raise OSError("no space left on device")
        put(path, content)

    monkeypatch.setattr(record, "_put", full_disk)
    with pytest.raises(OSError, match="no space"):
        record.write(tmp_path / "packages", FILES)
    assert (tmp_path / "packages/hdaemon/python/one/a.py").exists()
    assert not (tmp_path / "packages/hdaemon.json").exists()  # Houdini does not look for half an installation
    record.remove(tmp_path / "packages")
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("stopped_at", ["a.py", "hdaemon.json", "installed"])
def test_an_interrupted_update_can_be_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: str
) -> None:
    record.write(tmp_path, FILES)
    newer = {name: content + b" " for name, content in FILES.items()}
    put = record._put
    saved: list[Path] = []

    def full_disk(path: Path, content: bytes) -> None:
        saved.extend([path] if path.name == "installed" else [])
        if path.name == stopped_at and (stopped_at != "installed" or len(saved) == 2):
            raise OSError("no space left on device")
        put(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(record, "_put", full_disk)
        with pytest.raises(OSError, match="no space"):
            record.write(tmp_path, newer)
    record.write(tmp_path, newer)
    assert {name: (tmp_path / name).read_bytes() for name in newer} == newer
    record.remove(tmp_path)
    assert tree(tmp_path) == {}


@pytest.mark.parametrize("stopped_at", ["replace", "b.py", "hdaemon.json"])
def test_an_interrupted_replacement_gives_the_foreign_files_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: str
) -> None:
    (tmp_path / "hdaemon/python/one").mkdir(parents=True)
    (tmp_path / "hdaemon.json").write_text("theirs")
    (tmp_path / "hdaemon/python/one/a.py").write_text("theirs too")
    before = tree(tmp_path)
    put, replace = record._put, Path.replace

    def full_disk(path: Path, content: bytes) -> None:
        if path.name == stopped_at:
            raise OSError("no space left on device")
        put(path, content)

    def no_permission(path: Path, target: Path) -> Path:
        if path == tmp_path / "hdaemon.json" and stopped_at == "replace":
            raise OSError("no space left on device")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(record, "_put", full_disk)
        patch.setattr(Path, "replace", no_permission)
        with pytest.raises(OSError, match="no space"):
            record.write(tmp_path, FILES, force=True)
    if stopped_at == "replace":  # theirs is still there, and still refused
        with pytest.raises(HdaemonError, match="was not written by"):
            record.write(tmp_path, FILES)
    record.remove(tmp_path)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("name", ["../other.txt", "hdaemon/../../other.txt", "other.txt", "/etc/other.txt"])
@pytest.mark.parametrize("key", ["files", "folders", "replaced"])
def test_a_record_cannot_make_us_delete_what_is_not_ours(tmp_path: Path, key: str, name: str) -> None:
    packages = tmp_path / "packages"
    record.write(packages, FILES)
    path = packages / "hdaemon/installed"
    held = json.loads(path.read_text())
    held[key] = {name: ""} if key == "files" else [name]
    path.write_text(json.dumps(held))
    before = tree(tmp_path)
    with pytest.raises(HdaemonError, match="names files outside"):
        record.remove(packages)
    assert tree(tmp_path) == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": 1, "folders": [], "replaced": []}', "\udcff"])
def test_a_damaged_record_says_what_to_do(tmp_path: Path, text: str) -> None:
    record.write(tmp_path, FILES)
    (tmp_path / "hdaemon/installed").write_text(text, encoding="utf-8", errors="surrogateescape")
    with pytest.raises(HdaemonError, match="is damaged .* by hand"):
        record.load(tmp_path)
