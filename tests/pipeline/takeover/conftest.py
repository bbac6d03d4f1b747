"""A sandbox whose child runs the program of a test: its photo, which `impostor` runs under the real limits."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from processing.pipeline import ImageRejected, Picture
from processing.pipeline.process import client as child_process
from processing.pipeline.process import landlock, seccomp
from processing.rendering.sandbox import Sandbox

SECRET = "the secret of this installation"


OTHER_FILES = {
    "secret_key": SECRET,
    "db.sqlite3": "password hashes",
    "incoming/other": "somebody's photo",
    "originals/one": "kept",
}


def _has_landlock() -> bool:
    try:
        return landlock.version() >= 6
    except landlock.LandlockUnavailable:
        return False


NEEDS_CONFINEMENT = [
    pytest.mark.skipif(os.uname().machine not in seccomp.ARCHITECTURES, reason="no list of calls for this machine"),
    pytest.mark.skipif(not _has_landlock(), reason="this kernel has no Landlock, or an older one"),
]


@pytest.fixture
def installation(tmp_path: Path) -> Path:
    """A directory with files that a decoder must not reach."""
    for name, content in OTHER_FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)
    return tmp_path


@pytest.fixture
def sandbox(installation: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setattr(child_process, "MODULE", "tests.pipeline.takeover.impostor")
    monkeypatch.setenv("SECRET_KEY", SECRET)
    with Sandbox(workspaces=installation / "sandbox", wall_seconds=60) as sandbox:
        yield sandbox


def run(sandbox: Sandbox, installation: Path, code: str, **extra: Any) -> Picture:
    """Develops a photo that is this program, with these variables, the installation's path as `home`, and the worker's PID."""
    variables = {"home": str(installation), "worker": os.getpid(), **extra}
    source = installation / "incoming" / "photo"
    source.write_text("\n".join(f"{name} = {value!r}" for name, value in variables.items()) + "\n" + dedent(code))
    return sandbox.develop(source, installation / "renditions")


def result_of(sandbox: Sandbox, installation: Path, code: str, **variables: Any) -> Any:
    """Returns what the program stores in `result`."""
    code = (
        dedent(code)
        + '\nimport json\nresponse = {"error": "broken", "message": json.dumps(result), "permanent": True}\n'
    )
    with pytest.raises(ImageRejected) as caught:
        run(sandbox, installation, code, **variables)
    assert caught.value.code == "broken", caught.value.__notes__
    return json.loads(caught.value.message)


def untouched(installation: Path) -> bool:
    return {name: (installation / name).read_text() for name in OTHER_FILES} == OTHER_FILES
