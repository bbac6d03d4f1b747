"""A picture with the tags of a test."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from processing.pipeline import Picture
from processing.pipeline.picture import Metadata
from processing.pipeline.render.develop import develop

Read = Callable[..., Metadata]


@pytest.fixture
def read(tmp_path: Path, out: Path) -> Read:
    """Develops a JPEG with these tags and returns its metadata. The picture must survive a round trip through strict JSON."""

    def develop_with(
        main: dict[int, Any] | None = None,
        camera: dict[int, Any] | None = None,
        gps: dict[int, Any] | None = None,
        **options: Any,
    ) -> Metadata:
        tags = Image.Exif()
        tags.update(main or {})
        tags.get_ifd(0x8769).update(camera or {})
        tags.get_ifd(0x8825).update(gps or {})
        source = tmp_path / "photo"
        Image.new("RGB", (16, 16)).save(source, "JPEG", exif=tags.tobytes(), **options)
        return through_json(develop(source, out)).metadata

    return develop_with


def through_json(picture: Picture) -> Picture:
    serialised = json.dumps(picture.as_json(), allow_nan=False)
    assert Picture.from_json(json.loads(serialised)) == picture
    return picture


def xmp_element(attributes: str = "", elements: str = "") -> bytes:
    return f"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
      <rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/"
      {attributes}>{elements}</rdf:Description></rdf:RDF></x:xmpmeta>""".encode()
