"""Build the add-on for Blender: `python build.py` writes hdaemon_live.zip; drag it into Blender to install it.

The client library and the sender's thread are kept once in this repository, and the add-on carries copies of them.
"""

from __future__ import annotations

import argparse
import sys
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent

SHARED = (ROOT / "hdaemon" / "client.py", ROOT / "examples" / "python" / "live_sender.py", ROOT / "LICENSE")


def build(target: Path) -> Path:
    """Write the add-on as a zip; return its path."""
    files = [path for path in sorted((HERE / "hdaemon_live").iterdir()) if path.suffix in (".py", ".toml")]
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in (*files, *SHARED):
            # A fixed time: the same sources make the same bytes.
            info = zipfile.ZipInfo(path.name, (2020, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target


def main() -> int:
    """Build, and say where."""
    parser = argparse.ArgumentParser(description="Build the add-on for Blender.")
    parser.add_argument("target", nargs="?", type=Path, default=Path("hdaemon_live.zip"), help="default: %(default)s")
    made = build(parser.parse_args().target)
    print(f"{made}, {made.stat().st_size // 1024} KiB: drag it into the window of Blender")
    return 0


if __name__ == "__main__":
    sys.exit(main())
