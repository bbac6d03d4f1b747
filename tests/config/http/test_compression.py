"""Pages are compressed for browsers that accept it; photos, which are compressed already, are not."""

import gzip

import pytest
from backports.zstd import decompress

from processing.rendering import worker
from tests.processing import making

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("accepted", "coding", "decode"),
    [("gzip, deflate, br, zstd", "zstd", decompress), ("gzip", "gzip", gzip.decompress)],
)
def test_a_page_is_compressed_with_the_best_coding_that_the_browser_accepts(client, accepted, coding, decode):
    plain = client.get("/accounts/login/")
    compressed = client.get("/accounts/login/", headers={"Accept-Encoding": accepted})

    assert plain.get("Content-Encoding") is None
    assert compressed["Content-Encoding"] == coding
    assert "accept-encoding" in compressed["Vary"].lower()
    assert decode(compressed.content).decode().startswith("<!doctype html>")
    assert len(compressed.content) < len(plain.content) / 2


@pytest.mark.embedded
def test_an_original_is_not_compressed(client, album):
    client.force_login(album.owner)
    making.received(album)
    worker.develop_next()
    photo = album.photos.get()

    response = client.get(f"/photos/{photo.pk}/original/", headers={"Accept-Encoding": "gzip, zstd"})

    assert response.get("Content-Encoding") is None
    assert len(b"".join(response.streaming_content)) == int(response["Content-Length"]) == photo.original_bytes
    response.close()
