"""`python -m processing.pipeline IN OUT/`: JSON on stdout, the verdict as exit code."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

PROJECT = Path(__file__).resolve().parents[2]


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "processing.pipeline", *map(str, arguments)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=False)


def test_prints_the_picture_and_exits_with_0(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (900, 600)).save(source, "JPEG")

    ended = run(source, out)

    answer = json.loads(ended.stdout)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (answer["width"], answer["height"], answer["keywords"]) == (900, 600, [])
    assert [made["path"] for made in answer["renditions"]] == [str(out / f"{edge}.webp") for edge in (900, 800, 400)]


def test_prints_the_refusal_and_exits_with_1(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(b"")

    ended = run(source, out)

    assert (ended.returncode, ended.stderr) == (1, "")
    assert json.loads(ended.stdout) == {
        "error": "empty-file",
        "message": "This file is empty. Copy it from the camera again and upload the new copy.",
    }


def test_explains_itself_and_exits_with_2_when_misused(tmp_path: Path) -> None:
    ended = run(tmp_path / "photo.jpg")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "usage: python -m processing.pipeline" in ended.stderr


@pytest.mark.parametrize("out", ["a file", "a file/below"])
def test_a_file_in_the_place_of_the_folder_is_wrong_usage(tmp_path: Path, out: str) -> None:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (90, 60)).save(source)
    (tmp_path / "a file").write_bytes(b"")

    ended = run(source, tmp_path / out)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.endswith(f"error: {tmp_path / 'a file'}: Not a directory\n")
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("name", ["there is none.jpg", "", "x" * 300 + ".jpg"])
def test_a_picture_that_cannot_be_opened_is_wrong_usage(tmp_path: Path, out: Path, name: str) -> None:
    ended = run(tmp_path / name, out)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "usage: python -m processing.pipeline" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("out", ["", "/proc/none", "a dangling link"])
def test_a_folder_that_cannot_be_made_is_wrong_usage(tmp_path: Path, out: str) -> None:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (90, 60)).save(source)
    (tmp_path / "a dangling link").symlink_to(tmp_path / "gone")

    ended = run(source, tmp_path / out if out else "")

    assert (ended.returncode, ended.stdout) == (2, "")
    assert "error:" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_folders_that_are_not_there_yet_are_made(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (900, 600)).save(source)

    ended = run(source, tmp_path / "new" / "out")

    assert ended.returncode == 0
    assert (tmp_path / "new" / "out" / "800.webp").exists()


def test_a_refused_picture_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")

    assert run(tmp_path / "notes.txt", tmp_path / "out").returncode == 1
    assert not (tmp_path / "out").exists()


def test_imports_nothing_of_django_or_huey() -> None:
    code = "import sys, processing.pipeline.process.child; print([m for m in sys.modules if m in ('django', 'huey')])"
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)

    assert ended.stdout == "[]\n"
