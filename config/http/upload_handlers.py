"""The default upload handler, which rejects the first file of a form before any byte of it is stored.

Django's own handlers store all files of a form, on the disk if they are large, before the view can check the user. The admin has
no forms with files. The view of the upload form parses its body itself (processing/uploads/form.py).
"""

from typing import Any, NoReturn

from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParserError


class FilesNotAccepted(MultiPartParserError):
    """A form with files was sent to a view that accepts none. The response contains `code` and `message`."""

    code = "files-not-taken"
    message = "This address doesn't accept files. Nothing was stored. Upload photos on their album's page."


class RejectingUploadHandler(FileUploadHandler):
    """Raises FilesNotAccepted for the first file."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise FilesNotAccepted(FilesNotAccepted.message)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
