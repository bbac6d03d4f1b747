"""What a child under an attacker's control responds is checked before the worker uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from processing.rendering.sandbox import Crashed, Sandbox
from tests.pipeline.takeover.conftest import NEEDS_CONFINEMENT, run, untouched

pytestmark = NEEDS_CONFINEMENT


PICTURE = """
import os, struct
content = b"RIFF" + struct.pack("<I", 12) + b"WEBPVP8 " + bytes(4)
def rendition(name="400.webp", content=content, **changes):
    path = request["out"] + "/" + name
    with open(path, "wb") as file:
        file.write(content)
    return {"path": path, "width": 4, "height": 3, "bytes": len(content)} | changes
none = dict.fromkeys(("taken_at", "taken_from", "camera", "lens", "title", "caption", "creator", "copyright", "rating", "gps"))
picture = none | {
    "format": "JPEG", "width": 4, "height": 3, "placeholder": "data:image/webp;base64,AAAA", "recipe": RECIPE, "frames": 1,
    "keywords": [], "notes": [], "likeness": None, "colours": {"profile": None, "gamut": None, "bits": None},
    "exposure": dict.fromkeys(("aperture", "shutter_seconds", "iso", "focal_length_mm")), "renditions": [],
}
"""


HONEST = PICTURE + "response = {'picture': picture | {'renditions': [rendition()]}}"


INVALID_PICTURES = {
    "a path as format": "picture | {'format': '../../../db', 'renditions': [rendition()]}",
    "a web page as rendition": "picture | {'renditions': [rendition(content=b'<script>alert(1)</script>')]}",
    "a web page as placeholder": "picture | {'placeholder': 'data:text/html,x', 'renditions': [rendition()]}",
    "another name": "picture | {'renditions': [rendition('index.html')]}",
    "a file elsewhere": "picture | {'renditions': [rendition(path=f'{home}/secret_key', bytes=31)]}",
    "a path to a parent directory": "picture | {'renditions': [rendition(path=request['out'] + '/../in/photo')]}",
    "its photo": "picture | {'renditions': [rendition(path=request['source'])]}",
    "a size that is not the file's": "picture | {'renditions': [rendition(bytes=1)]}",
    "a missing file": "picture | {'renditions': [rendition(path=request['out'] + '/800.webp')]}",
    "the same file twice": "picture | {'renditions': [rendition(), rendition()]}",
    "no rendition": "picture",
    "another recipe": "picture | {'recipe': 'x', 'renditions': [rendition()]}",
    "a null character": "picture | {'title': chr(0), 'renditions': [rendition()]}",
    "a lone surrogate": "picture | {'title': chr(0xd800), 'renditions': [rendition()]}",
    "a very long text": "picture | {'title': 'x' * 100_000, 'renditions': [rendition()]}",
    "an impossible number": "picture | {'exposure': picture['exposure'] | {'aperture': 1e18}, 'renditions': [rendition()]}",
    "a number too large": "picture | {'width': 10 ** 30, 'renditions': [rendition()]}",
    "impossible coordinates": "picture | {'gps': dict(latitude=1e9, longitude=0.0, altitude=None), 'renditions': [rendition()]}",
    "an invalid date": "picture | {'taken_at': 'yesterday', 'renditions': [rendition()]}",
    "a list as title": "picture | {'title': ['x'], 'renditions': [rendition()]}",
    "nothing": "None",
    "a list": "[]",
}


INVALID_RESPONSES = {
    "an empty response": "response = {}",
    "a preview instead": "response = {'preview': ''}",
    "an interruption": "response = {'error': 'aborted', 'message': 'x', 'permanent': False}",
    "an unknown code": "response = {'error': 'x' * 99, 'message': 'x', 'permanent': False}",
    "a message that is too long": "response = {'error': 'broken', 'message': 'x' * 9999, 'permanent': True}",
    "a message with a line break": "response = {'error': 'broken', 'message': 'x' + chr(13) + 'y', 'permanent': True}",
    "an impossible memory need": "response = {'error': 'too-heavy', 'message': 'x', 'permanent': True, 'needed': 10 ** 40}",
    "deeply nested brackets": "import os\nos.write(4, (200_000).to_bytes(4, 'big') + b'[' * 200_000)\nresponse = {}",
    "more than a message holds": "import os\nos.write(4, (1 << 31).to_bytes(4, 'big'))\nresponse = {}",
}


def recipe(sandbox: Sandbox) -> str:
    return f"RECIPE = {sandbox._mark!r}\n"


def test_the_picture_of_an_honest_child_is_accepted(sandbox: Sandbox, installation: Path) -> None:
    picture = run(sandbox, installation, recipe(sandbox) + HONEST)

    assert [rendition.path for rendition in picture.renditions] == [str(installation / "renditions" / "400.webp")]
    assert list((installation / "sandbox").glob("*/out/*")) == list((installation / "sandbox").glob("*/in/*")) == []


@pytest.mark.parametrize("case", INVALID_PICTURES)
def test_a_response_with_an_invalid_picture_is_a_crash(sandbox: Sandbox, installation: Path, case: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, recipe(sandbox) + PICTURE + f"response = {{'picture': {INVALID_PICTURES[case]}}}")

    assert sandbox.pid is None
    assert untouched(installation)
    assert list((installation / "sandbox").glob("*/out/*")) == []


@pytest.mark.parametrize("case", INVALID_RESPONSES)
def test_an_invalid_response_is_a_crash(sandbox: Sandbox, installation: Path, case: str) -> None:
    with pytest.raises(Crashed):
        run(sandbox, installation, INVALID_RESPONSES[case])

    assert sandbox.pid is None


def test_sidecar_metadata_and_previews_are_validated_too(sandbox: Sandbox, installation: Path) -> None:
    source = installation / "incoming" / "photo"
    source.write_text("response = {'sidecar': {'title': 'A day'}}")
    accepted = sandbox.sidecar_metadata(source)
    for metadata in ("{'title': 7}", "{'shell': 'x'}", "[]", "{'rating': 10 ** 9}"):
        source.write_text(f"response = {{'sidecar': {metadata}}}")
        with pytest.raises(Crashed):
            sandbox.sidecar_metadata(source)
    for preview in ("PGh0bWw+", "*", "A" * 10):
        source.write_text(f"response = {{'preview': {preview!r}}}")
        with pytest.raises(Crashed):
            sandbox.preview(source)

    assert accepted == {"title": "A day"}
