"""Creates an upload for a client that declares no batch: a tus client, or one that sends the file to the bucket."""

from http import HTTPStatus

from django.conf import settings
from django.contrib.auth.models import User

from albums.models import Album
from processing.capacity import daily_limit
from processing.models import Batch, Upload
from processing.uploads import batches, lifecycle, problems, rejections
from processing.uploads.batches import AlbumBusy
from processing.uploads.problems import HttpProblem, Problem
from processing.uploads.tus import session
from processing.uploads.tus.protocol import Creation


def create_upload(user: User, album: Album, source: Batch.Source, creation: Creation) -> Upload:
    """Creates an upload in the user's running batch or in a new one. An empty file is rejected at once.

    Raises HttpProblem, and Album.DoesNotExist if the album was deleted meanwhile.
    """
    if creation.length is not None and creation.length > settings.MAX_FILE_BYTES:
        raise HttpProblem(problems.TOO_LARGE)
    if shortage := daily_limit.shortage(user.pk):
        raise problems.shortage_error(shortage)
    session.ensure_room(creation.length or 0, user=user.pk, file_size=creation.length or 0)
    upload = _join_batch(user, album, source, creation)
    _ensure_within_limits(upload)
    if creation.length == 0:
        lifecycle.reject(upload, rejections.EMPTY)
    return upload


def _join_batch(user: User, album: Album, source: Batch.Source, creation: Creation) -> Upload:
    try:
        return batches.join_or_open(album, user, source, creation.name, creation.length, creation.metadata)
    except AlbumBusy:
        raise HttpProblem(problems.ALBUM_BUSY) from None
    except Album.DoesNotExist:
        if Album.objects.trashed().filter(pk=album.pk).exists():
            raise HttpProblem(problems.ALBUM_IN_TRASH) from None
        raise


def _ensure_within_limits(upload: Upload) -> None:
    """Rejects the upload if its batch has too many files, and deletes it if the batch lists enough rejections or rows already."""
    count, rows = lifecycle.count(upload.batch_id)
    if rows > lifecycle.MAX_ROWS_PER_INSERT:
        upload.delete()
        raise HttpProblem(problems.TOO_MANY_ROWS)
    if reason := batches.limit_rejection(count):
        if count > 2 * settings.MAX_BATCH_FILES:
            upload.delete()
        else:
            lifecycle.reject(upload, reason)
        raise HttpProblem(Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, reason.code, reason.message))
