"""A client of the plain upload form."""

from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from albums.models import Album
from processing.models import Upload
from processing.models.states import UploadState

HTMX = {"HX-Request": "true"}


JSON = {"Accept": "application/json"}


def picked(*contents: bytes, name: str = "IMG_{}.JPG") -> list[SimpleUploadedFile]:
    return [SimpleUploadedFile(name.format(n), content, "image/jpeg") for n, content in enumerate(contents, 1)]


def send(client: Client, album: Album, *files: SimpleUploadedFile, headers=None, form: str = ""):
    url = reverse("processing:receive", args=[album.pk]) + (f"?form={form}" if form else "")
    return client.post(url, {"photos": list(files)}, headers=headers or {})


def rejection_codes() -> dict[str, str]:
    return dict(Upload.objects.filter(state=UploadState.REJECTED).values_list("name", "code"))


def multipart(*parts: tuple[str, bytes]) -> bytes:
    """A form of these parts: the parameters after `form-data;`, and the content."""
    return (
        b"".join(
            f"--X\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
            for head, content in parts
        )
        + b"--X--\r\n"
    )


def send_parts(client: Client, album: Album, *parts: tuple[str, bytes], **request_options: Any):
    return client.post(
        f"/albums/{album.pk}/uploads/",
        multipart(*parts),
        content_type="multipart/form-data; boundary=X",
        **request_options,
    )


PHOTO = 'name="photos"; filename="a.jpg"'
