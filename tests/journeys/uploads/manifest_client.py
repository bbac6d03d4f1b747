"""A client that declares its files before it sends them."""

import hashlib
import json

from processing import jobs
from tests.processing import making


def file(content: bytes, name: str = "IMG_1.JPG", *, hashed: bool = True, **fields):
    checksum = {"sha256": hashlib.sha256(content).hexdigest()} if hashed else {}
    return {"name": name, "size": len(content)} | checksum | fields


def declare(client, album, *files, opens=True):
    body = json.dumps({"open": opens, "files": files})
    return client.post(f"/albums/{album.pk}/uploads/manifest/", body, content_type="application/json")


def states(response) -> list[str]:
    assert response.status_code == 200, response.content
    return [entry["state"] for entry in response.json()["files"]]


def photo_in(album, content: bytes, name: str = "photo.jpg"):
    making.received(album, content, name=name)
    job = jobs.claim_next("tester")
    photo = making.photo(album, job)
    photo.original_sha256 = job.upload.sha256
    jobs.complete(job, photo, [])
    return photo
