"""Alternatives to compare with: installed when a benchmark asks for it, pinned, never by `make test`."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
VENV = HERE.parent.parent / ".cache" / "benchmarks"


def node() -> None:
    """What package.json names."""
    _once(
        "package-lock.json",
        HERE / "node_modules",
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"],
    )


def python() -> Path:
    """An interpreter with what requirements.txt names."""
    if not (VENV / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(VENV)], check=True)
    pip = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
    pip += [
        "--no-binary",
        "pyvips",
    ]  # a few lines of Python, published as source alone; the library is in pyvips-binary
    _once("requirements.txt", VENV, [*pip, "-r", "requirements.txt"])
    return VENV / "bin" / "python"


def _once(pins: str, installed: Path, command: list[str]) -> None:
    """The copy of the pins says what is installed, and is written last."""
    stamp, pinned = installed / f".{pins}", (HERE / pins).read_bytes()
    if stamp.exists() and stamp.read_bytes() == pinned:
        return
    subprocess.run(command, cwd=HERE, check=True)
    stamp.write_bytes(pinned)
