"""The WebSocket door against the Autobahn fuzzing client: ``python websocket.py WSTEST CASES REPORTS``.

Starts a server with an echo route, which no server of a user has, lets ``wstest`` run the given cases (``1.*,2.*``)
against it, and prints what came out. The exit status is 0 when every case was run and none has failed. The suite is
https://github.com/crossbario/autobahn-testsuite; its groups 12 and 13 are about compression, which is not offered.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

from hdaemon.log import RingLog
from hdaemon.server.loop import ServerLoop
from hdaemon.store import Store

TIME_LIMIT_S = 15 * 60
PASSED = {"OK", "NON-STRICT", "INFORMATIONAL"}


def main(arguments: list[str]) -> int:
    """Run the cases; return the exit status."""
    wstest, cases, reports = arguments[0], arguments[1].split(","), Path(arguments[2])
    reports.mkdir(parents=True, exist_ok=True)
    log = RingLog()
    loop = ServerLoop("conformance", "127.0.0.1", 0, "print", log=log, store=Store(), echo=True)
    thread = threading.Thread(target=loop.run, name="hdaemon conformance")
    thread.start()
    try:
        if not loop.listening.wait(5) or loop.state != "listening":
            print(f"the server did not start: {loop.error}")
            return 1
        specification = reports / "specification.json"
        specification.write_text(
            json.dumps(
                {
                    "outdir": str(reports),
                    "servers": [{"agent": "hdaemon", "url": f"ws://{loop.host}:{loop.port}/echo"}],
                    "cases": cases,
                    "exclude-cases": [],
                    "exclude-agent-cases": {},
                }
            ),
            encoding="utf-8",
        )
        command = [wstest, "--mode", "fuzzingclient", "--webport", "0", "--spec", str(specification)]
        with (reports / "wstest.txt").open("w", encoding="utf-8") as output:
            subprocess.run(command, check=True, timeout=TIME_LIMIT_S, stdout=output, stderr=subprocess.STDOUT)
    finally:
        loop.stop()
        thread.join(5)
    if len(log) and any(row.event == "error" for row in log):
        print("the server reported an error:", [row.text for row in log if row.event == "error"])
        return 1
    return judged(json.loads((reports / "index.json").read_text(encoding="utf-8"))["hdaemon"], cases)


def judged(results: dict[str, dict[str, str]], cases: list[str]) -> int:
    """Print how often each outcome came, and every case that has failed; return the exit status."""
    counts = Counter(result["behavior"] for result in results.values())
    failed = {
        case: result
        for case, result in results.items()
        if result["behavior"] not in PASSED or result["behaviorClose"] not in PASSED
    }
    for case, result in sorted(failed.items()):
        print(f"failed: case {case}: {result['behavior']}, closing: {result['behaviorClose']}")
    missing = [case for case in cases if not any(name.startswith(case.rstrip("*")) for name in results)]
    if missing:
        print("not run:", ", ".join(missing))
    print(f"{len(results)} cases:", ", ".join(f"{count} {name}" for name, count in counts.most_common()))
    return 1 if failed or missing or not results else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
