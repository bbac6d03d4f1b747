"""Pages, scripts and documents use the pipeline's list of accepted formats."""

import re
from pathlib import Path

import pytest

from processing.pipeline.formats import extensions

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.once


def test_the_script_that_filters_folders_is_generated_from_the_list():
    assert extensions.SCRIPT.read_text(encoding="utf-8") == extensions.as_script(), "run `make formats`"


def test_file_inputs_and_hints_use_the_list(client, owner, album):
    client.force_login(owner)

    page = client.get(album.get_absolute_url()).content.decode()

    assert re.findall(r'accept="([^"]*)"', page) == [extensions.ACCEPT, extensions.ACCEPT]
    assert page.count(f'title="{extensions.NAMES}">{extensions.SUMMARY}</span>') == 2


def test_no_other_script_lists_formats():
    for script in (ROOT / "static/js").rglob("*.js"):
        if script != extensions.SCRIPT:
            assert not re.search(r"\b(heif|cr2|nef|raf|jfif)\b", script.read_text(encoding="utf-8")), script.name


def test_the_docs_list_every_extension():
    text = (ROOT / "docs/pictures.md").read_text(encoding="utf-8")
    table = text.split("\n## By ending\n")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| ([^|`]+) \| ([^|]+) \|", table, re.MULTILINE))
    kinds = (*extensions.PICTURES, extensions.RAW, extensions.SIDECARS, extensions.LIVE_VIDEOS)

    del rows["kind"]
    documented = {name: tuple(re.findall(r"`\.([a-z0-9]+)`", endings)) for name, endings in rows.items()}

    assert documented == {kind.name: kind.extensions for kind in kinds}


def test_the_readme_names_the_accepted_formats():
    assert f"**Accepts** {extensions.NAMES}, detected by content" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_no_extension_is_both_accepted_and_skipped():
    assert len(extensions.EXTENSIONS) == len(set(extensions.EXTENSIONS))
    assert not extensions.COMPANION_EXTENSIONS & set(extensions.EXTENSIONS)


@pytest.mark.parametrize(
    "path",
    [
        "._IMG_1.JPG",
        "DCIM/.DS_Store",
        "Thumbs.db",
        "IMG_1.AAE",
        "MVI_1.THM",
        "GX010001.LRV",
        "desktop.ini",
        "DCIM/@eaDir/IMG_1.JPG/SYNOPHOTO_THUMB_XL.jpg",
        "__MACOSX/IMG_1.JPG",
        "card\\System Volume Information\\IndexerVolumeGuid",
        ".Trash-1000/files/IMG_1.JPG",
        "Icon\r",
        "metadata.json",
        "metadata(2).json",
        "PRIVATE/AVCHD/BDMV/INDEX.BDM",
        "PRIVATE/M4ROOT/MEDIAPRO.XML",
        "IMG_1.JPG:Zone.Identifier",
        "Thumbs.db:encryptable",
        "photos/#recycle/IMG_1.JPG",
        "photos/.@__qini/IMG_1.JPG",
        "photos/.AppleDouble/IMG_1.JPG",
        "Network Trash Folder/IMG_1.JPG",
        "photos/.stversions/IMG_1~20240101-000000.JPG",
        "DCIM/NC_FLLST.DAT",
        ".BridgeSort",
        ".picasa.ini",
        ".nomedia",
    ],
)
def test_companions_without_a_picture_are_recognised_by_name(path):
    assert extensions.is_companion(path)


@pytest.mark.parametrize(
    "path",
    [
        "IMG_1.JPG",
        "aae",
        "thm.jpg",
        "Thumbs.db.jpg",
        ".hidden.jpg",
        "ini/IMG_1.jpg",
        "IMG_1.jpg.json",
        "_IMG_1.jpg",
        "",
        "notes.txt",
    ],
)
def test_other_files_are_not_recognised_as_companions(path):
    assert not extensions.is_companion(path)
