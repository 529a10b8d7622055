"""The program `poolhouse` that this package brings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def binary() -> str:
    """Returns the path of the program: POOLHOUSE_BINARY if it is set, else this package's own."""
    named = os.environ.get("POOLHOUSE_BINARY")
    if named:
        return named
    path = Path(__file__).parent / "bin" / ("poolhouse.exe" if os.name == "nt" else "poolhouse")
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: install a wheel of pytest-poolhouse for this platform, "
            "or set POOLHOUSE_BINARY to the path of a program")
    return str(path)


def main() -> None:
    """Runs the program in place of this one."""
    program = binary()
    os.environ.pop("POOLHOUSE_BINARY", None)  # the program knows its own settings only
    if os.name != "nt":
        os.execv(program, ["poolhouse", *sys.argv[1:]])
    process = subprocess.Popen([program, *sys.argv[1:]])
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            pass  # the terminal has sent it to the program, too, which ends in order
