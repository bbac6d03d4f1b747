"""`python -m processing.pipeline IN OUT/` prints JSON; its exit code says whether the file was accepted."""

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


def test_the_command_prints_the_picture_and_exits_with_0(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo"
    Image.new("RGB", (900, 600)).save(source, "JPEG")

    process = run(source, out)

    picture = json.loads(process.stdout)
    assert (process.returncode, process.stderr) == (0, "")
    assert (picture["width"], picture["height"], picture["keywords"]) == (900, 600, [])
    assert [rendition["path"] for rendition in picture["renditions"]] == [
        str(out / f"{edge}.webp") for edge in (900, 800, 400)
    ]


def test_the_command_prints_the_rejection_and_exits_with_1(tmp_path: Path, out: Path) -> None:
    source = tmp_path / "photo.jpg"
    source.write_bytes(b"")

    process = run(source, out)

    assert (process.returncode, process.stderr) == (1, "")
    assert json.loads(process.stdout) == {
        "error": "empty-file",
        "message": "This file is empty. Copy it from the camera again and upload the new copy.",
    }


def test_wrong_usage_prints_the_usage_and_exits_with_2(tmp_path: Path) -> None:
    process = run(tmp_path / "photo.jpg")

    assert (process.returncode, process.stdout) == (2, "")
    assert "usage: python -m processing.pipeline" in process.stderr


@pytest.mark.parametrize("out", ["a file", "a file/below"])
def test_an_output_path_that_is_a_file_is_wrong_usage(tmp_path: Path, out: str) -> None:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (90, 60)).save(source)
    (tmp_path / "a file").write_bytes(b"")

    process = run(source, tmp_path / out)

    assert (process.returncode, process.stdout) == (2, "")
    assert process.stderr.endswith(f"error: {tmp_path / 'a file'}: Not a directory\n")
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("name", ["there is none.jpg", "", "x" * 300 + ".jpg"])
def test_a_picture_that_cannot_be_opened_is_wrong_usage(tmp_path: Path, out: Path, name: str) -> None:
    process = run(tmp_path / name, out)

    assert (process.returncode, process.stdout) == (2, "")
    assert "usage: python -m processing.pipeline" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("out", ["", "/proc/none", "a dangling link"])
def test_an_output_folder_that_cannot_be_created_is_wrong_usage(tmp_path: Path, out: str) -> None:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (90, 60)).save(source)
    (tmp_path / "a dangling link").symlink_to(tmp_path / "gone")

    process = run(source, tmp_path / out if out else "")

    assert (process.returncode, process.stdout) == (2, "")
    assert "error:" in process.stderr
    assert "Traceback" not in process.stderr


def test_missing_output_folders_are_created(tmp_path: Path) -> None:
    source = tmp_path / "photo.jpg"
    Image.new("RGB", (900, 600)).save(source)

    process = run(source, tmp_path / "new" / "out")

    assert process.returncode == 0
    assert (tmp_path / "new" / "out" / "800.webp").exists()


def test_no_folder_is_created_for_a_rejected_picture(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("no picture")

    assert run(tmp_path / "notes.txt", tmp_path / "out").returncode == 1
    assert not (tmp_path / "out").exists()


def test_the_pipeline_imports_neither_django_nor_huey() -> None:
    code = "import sys, processing.pipeline.process.child; print([m for m in sys.modules if m in ('django', 'huey')])"
    command = [sys.executable, "-c", code]
    process = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=60, check=True)

    assert process.stdout == "[]\n"
