"""The upload handler of every view that takes no files: it refuses the first file of a form, before a byte of it is stored.

Django's own handlers keep whatever files a form holds, on the disk if they are large, before the view is asked who sent them.
The admin has no forms with files. The view of the upload form installs a handler of its own (processing/views/form.py), when it
knows its sender.
"""

from typing import Any, NoReturn

from django.core.files.uploadhandler import FileUploadHandler
from django.http.multipartparser import MultiPartParserError


class FilesNotTaken(MultiPartParserError):
    """A form with files was sent to a view that takes none. `code` and `message` are what its sender is told."""

    code = "files-not-taken"
    message = "This address takes no files, and nothing of them was stored. Upload photos from the page of their album."


class RefusingUploadHandler(FileUploadHandler):
    """Raises FilesNotTaken for the first file."""

    def new_file(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise FilesNotTaken(FilesNotTaken.message)

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
