"""Where each file of a batch stands, as a person with a card in hand asks: is it safe? Told by one query, from the rows alone.

A file is stored when a photo has its very bytes: its own photo, the one it is a duplicate of, or another of the album with the
same SHA-256; or a companion, if it is kept beside a photo. A file that is the same as another one stands where that one does.
It is verified when everything stored of that photo or companion was read back and was right, and nothing since says otherwise.
"""

from collections.abc import Iterator
from typing import Any

from django.db.models import Case, CharField, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.enums import TextChoices
from django.db.models.functions import Coalesce

from albums.models import Companion, Photo
from processing.jobs import duplicates, grouping
from processing.models import Batch, Finding, ProcessingJob, Upload
from processing.models.states import ACTIVE, JobState, UploadState


class Standing(TextChoices):
    VERIFIED = "verified", "Stored and verified"
    CHECKING = "checking", "Stored, being checked"
    DEVELOPING = "developing", "To be developed"
    ARRIVING = "arriving", "On its way"
    FAILED = "failed", "Failed"
    DAMAGED = "damaged", "Damaged in storage"
    REFUSED = "refused", "Not taken in"
    EXPIRED = "expired", "Did not arrive"
    AGAIN = "again", "Uploaded again"
    CANCELLED = "cancelled", "Cancelled"
    TRASHED = "trashed", "In the trash"
    GONE = "gone", "Not in the album any more"
    SKIPPED = "skipped", "Skipped"
    COMPANION = "companion", "Companion file, skipped"


OPEN = (Standing.ARRIVING, Standing.DEVELOPING, Standing.CHECKING)
"""What stands so moves on by itself."""


def files(batch: Batch, standing: Standing | None = None) -> QuerySet[Any]:
    """The batch's uploads as they were sent, with what was skipped; only those of one standing, if it is said.

    Each with its `standing`, the id of the photo that it is `stored` as or kept `beside`, of the `companion` that it is then,
    when that was `proved_at` last, and the id of the batch that brought the same bytes `again` after they had failed here. Of a
    double, the name, state and trouble of its `twin`.
    """
    photos = Photo.objects.filter(_by_its_bytes()).order_by("pk")
    found: QuerySet[Any] = batch.uploads.annotate(stored=Subquery(photos.values("pk")[:1]))
    companions = Companion.objects.filter(_by_its_bytes_as_companion()).order_by("pk")
    found = found.annotate(companion=Subquery(companions.values("pk")[:1]))
    kept = Companion.objects.filter(pk=OuterRef("companion"))
    found = found.annotate(
        beside=Subquery(kept.values("photo")),
        proved_at=Coalesce(
            Subquery(Photo.objects.filter(pk=OuterRef("stored")).values("verified_at")),
            Subquery(kept.values("verified_at")),
        ),
        again=Case(When(job__state=JobState.CANCELLED, then=Subquery(_sent_again().values("batch")[:1]))),
        is_published_damaged=Exists(ProcessingJob.objects.filter(photo=OuterRef("stored"), publish_damaged=True)),
        **_twin(),
        standing=Case(*_whens(), default=Value(Standing.GONE.value), output_field=CharField()),
    )
    return found.filter(standing=standing) if standing else found


def _by_its_bytes() -> Q:
    """Each alternative whole, so that databases find each by its own index."""
    same = Q(original_sha256=OuterRef("sha256")) & ~Q(original_sha256="")
    by_id = (Q(pk=OuterRef("job__photo")) & same) | (Q(pk=OuterRef("duplicate_of")) & same)
    return by_id | (Q(album=OuterRef("album")) & same)


def _by_its_bytes_as_companion() -> Q:
    """By its name too: an editor may write the same words for many photos."""
    same = Q(album=OuterRef("album"), sha256=OuterRef("sha256")) & ~Q(sha256="")
    return (Q(pk=OuterRef("job__companion")) & same) | (same & Q(name=OuterRef("name")))


def _sent_again() -> QuerySet[Upload]:
    """Later uploads of the same bytes to the same album, the first of them first."""
    same = Upload.objects.filter(album=OuterRef("album"), sha256=OuterRef("sha256"), state=UploadState.RECEIVED)
    return same.exclude(sha256="").filter(created_at__gt=OuterRef("created_at")).order_by("created_at", "pk")


def _twin() -> dict[str, Case]:
    """Annotations of a double: what became of the file that it is the same as. Empty of all others."""
    received, lost = duplicates.latest(), duplicates.lost()
    told = {
        "twin": Coalesce(Subquery(received.values("name")[:1]), Subquery(lost.values("name")[:1])),
        "twin_job": Subquery(received.values("job__state")[:1]),
        "twin_lost": Subquery(lost.values("state")[:1]),
        "twin_code": Coalesce(Subquery(received.values("job__error_code")[:1]), Subquery(lost.values("code")[:1])),
        "twin_trouble": Coalesce(
            Subquery(received.values("job__error_message")[:1]), Subquery(lost.values("message")[:1])
        ),
    }
    return {name: Case(When(duplicates.IS_DOUBLE, then=value)) for name, value in told.items()}


def _whens() -> Iterator[When]:
    """The first that fits is told."""
    is_double = duplicates.IS_DOUBLE
    album, sha256 = OuterRef("album"), OuterRef("sha256")
    on_their_way = (
        Upload.objects.receiving().filter(album=album, declared_sha256=sha256),
        ProcessingJob.objects.active().filter(album=album, upload__sha256=sha256),
    )
    is_lost = Q(twin_job=None, duplicate_of=None)
    damaged = Finding.objects.filter(companion=OuterRef("companion"))
    for standing, condition in (
        (Standing.COMPANION, grouping.IS_SKIPPED_COMPANION),
        (Standing.SKIPPED, Q(state=UploadState.SKIPPED)),
        (
            Standing.TRASHED,
            Q(Exists(Photo.objects.trashed().filter(pk=Coalesce(OuterRef("stored"), OuterRef("beside"))))),
        ),
        (Standing.DAMAGED, Q(Exists(Finding.objects.filter(photo=OuterRef("stored")))) | Q(Exists(damaged))),
        (Standing.VERIFIED, Q(proved_at__isnull=False)),
        (Standing.CHECKING, Q(stored__isnull=False) | Q(companion__isnull=False)),
        (Standing.ARRIVING, Q(state=UploadState.RECEIVING)),
        (Standing.EXPIRED, Q(state=UploadState.EXPIRED)),
        (Standing.AGAIN, Q(again__isnull=False)),
        (Standing.CANCELLED, Q(state=UploadState.CANCELLED) | Q(job__state=JobState.CANCELLED)),
        (
            Standing.DEVELOPING,
            Q(job__state__in=ACTIVE) | (is_double & (Q(Exists(on_their_way[0])) | Q(Exists(on_their_way[1])))),
        ),
        (Standing.FAILED, Q(job__state=JobState.FAILED) | Q(twin_job=JobState.FAILED)),
        (Standing.CANCELLED, Q(twin_job=JobState.CANCELLED)),
        (Standing.EXPIRED, is_lost & Q(twin_lost=UploadState.EXPIRED)),
        (Standing.CANCELLED, is_lost & Q(twin_lost=UploadState.CANCELLED)),
        (Standing.REFUSED, (Q(state=UploadState.REFUSED) & ~is_double) | (is_lost & Q(twin_lost=UploadState.REFUSED))),
    ):
        yield When(condition, then=Value(standing.value))
