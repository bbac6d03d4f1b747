"""The archives that other programs than Python's zipfile can read."""

import io
import shutil
import subprocess
from pathlib import Path

import pytest

from albums.download.layout import Layout, Slice
from tests.albums.download.test_layout import GIB4, random_album, read, sparse_layout

pytestmark = pytest.mark.once

SEVEN_ZIP = "7z" if shutil.which("7z") else "7zz"
EXTRACT = {
    "unzip": ["unzip", "-o", "-q", "{archive}", "-d", "{target}"],
    SEVEN_ZIP: [SEVEN_ZIP, "x", "-bd", "-y", "-o{target}", "{archive}"],
    "bsdtar": ["bsdtar", "-x", "-f", "{archive}", "-C", "{target}"],
}
LIST = {"unzip": ["unzip", "-l"], SEVEN_ZIP: [SEVEN_ZIP, "l"], "bsdtar": ["bsdtar", "-t", "-v", "-f"]}


@pytest.mark.parametrize("program", EXTRACT)
def test_other_programs_extract_the_files_with_their_names(program, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    layout, sources, entries = random_album(4, count=20)
    archive, target = tmp_path / "album.zip", tmp_path / "target"
    archive.write_bytes(read(layout, sources))
    target.mkdir()

    _run(word.format(archive=archive, target=target) for word in EXTRACT[program])

    assert {path.name: path.read_bytes() for path in target.iterdir()} == {
        entry.name: sources[entry.source] for entry in entries
    }


@pytest.mark.parametrize("program", LIST)
def test_other_programs_list_archives_of_more_than_4_gib(program, tmp_path):
    """unzip 6.0 misreads the file after one of exactly 2^32 - 1 bytes, so there is none here."""
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    path = tmp_path / "large.zip"
    _write_sparse(sparse_layout([GIB4 + 1, 3, GIB4 - 2, 5]), path)

    output = _run([*LIST[program], str(path)])

    assert all(text in output for text in (f"{GIB4 + 1}", "0.jpg", f"{GIB4 - 2}", "3.jpg")), output


@pytest.mark.parametrize("program", LIST)
def test_other_programs_list_archives_of_more_than_65_535_files(program, tmp_path):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")
    path = tmp_path / "many.zip"
    _write_sparse(sparse_layout([1] * 65_536), path)

    output = _run([*LIST[program], str(path)])

    assert output.count(".jpg") == 65_536


def _write_sparse(layout: Layout, path: Path) -> None:
    with path.open("wb") as file:
        for part in layout.slices(range(layout.size)):
            if isinstance(part, Slice):
                file.seek(part.stop - part.start, io.SEEK_CUR)
            else:
                file.write(part)


def _run(command) -> str:
    """Runs the program in a UTF-8 locale and returns its output."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LANG": "C.UTF-8"}
    result = subprocess.run(list(command), capture_output=True, text=True, timeout=60, env=environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
