"""A client of tus 1.0.0."""

import base64
import hashlib

VERSION = {"Tus-Resumable": "1.0.0"}


OCTETS = "application/offset+octet-stream"


def b64(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def create(client, album, length: int | None = 10, name: str = "IMG_1.JPG", **extra_headers: str):
    size = {"Upload-Defer-Length": "1"} if length is None else {"Upload-Length": str(length)}
    headers = VERSION | size | {"Upload-Metadata": f"filename {b64(name.encode())}"} | extra_headers
    return client.generic("POST", f"/albums/{album.pk}/uploads/tus/", headers=headers)


def path_of(response) -> str:
    return response["Location"].removeprefix("http://testserver")


def patch(client, path: str, offset: int, body: bytes, content_type: str = OCTETS, **extra_headers: str):
    headers = VERSION | {"Upload-Offset": str(offset), "Content-Type": content_type} | extra_headers
    return client.generic("PATCH", path, body, content_type=content_type, headers=headers)


def head(client, path: str):
    return client.head(path, headers=VERSION)


def checksum(algorithm: str, content: bytes) -> str:
    return f"{algorithm} {b64(hashlib.new(algorithm, content, usedforsecurity=False).digest())}"
