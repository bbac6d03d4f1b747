"""Models of uploading and processing: batches, the uploads in them, and a job for each received upload."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from albums import key_columns
from albums.key_columns import KeyColumn, Kind
from albums.models import Album, Companion, Photo
from processing.models import deadlines
from processing.models.states import ACTIVE, ENDED_BADLY, EVENTS, KEEPS_RAW, JobState, UploadState
from processing.storage import keys as storage_keys
from processing.storage import locations


class BatchQuerySet(models.QuerySet["Batch"]):
    def active(self, album: Album | None = None) -> BatchQuerySet:
        """Batches with an upload in progress, or with a pending or processing job."""
        batches, jobs, uploads = self, ProcessingJob.objects.active(), Upload.objects.receiving()
        if album is not None:  # also filters the batches: otherwise the database would scan all of them
            batches, jobs, uploads = batches.filter(album=album), jobs.filter(album=album), uploads.filter(album=album)
        return batches.filter(Q(pk__in=jobs.values("batch")) | Q(pk__in=uploads.values("batch")))


class Batch(models.Model):
    """The files that a user sends to an album in one go."""

    class Source(models.TextChoices):
        FORM = "form", "Upload form"
        PAGE = "page", "Web"
        TUS = "tus", "Resumable upload"
        DIRECT = "direct", "Direct to bucket"
        IMPORT = "import", "Import command"

    BOUND = (Source.FORM, Source.IMPORT)
    """Sources whose uploads are bound to one process: when it dies, they cannot be resumed."""

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="batches")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    source = models.CharField(max_length=10, choices=Source)
    token = models.UUIDField(
        unique=True,
        null=True,
        blank=True,
        help_text="Token of the form. A form sent twice opens one batch.",
    )
    opened_at = models.DateTimeField(default=timezone.now)
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="When a user dismissed the report.")
    finished_at = models.DateTimeField(
        null=True, blank=True, help_text="When its last upload and its last job had settled for the first time."
    )

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        verbose_name_plural = "batches"
        indexes = [
            models.Index(fields=["album", "dismissed_at"], name="batch_album_report"),
            models.Index(fields=["-opened_at", "-id"], name="batch_opened"),
            models.Index(fields=["id"], condition=Q(finished_at=None), name="batch_unfinished"),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}"


class UploadQuerySet(models.QuerySet["Upload"]):
    def receiving(self) -> UploadQuerySet:
        return self.filter(state=UploadState.RECEIVING)

    def idle(self) -> UploadQuerySet:
        """Receiving, but no bytes have arrived for UPLOAD_EXPIRY_SECONDS."""
        return self.receiving().filter(deadlines.passed("expires_at", settings.UPLOAD_EXPIRY_SECONDS))

    def abandoned(self) -> UploadQuerySet:
        """Receiving, but the process that received it sends no heartbeat, and no other process can resume it.

        Uploads of forms and imports have no size before their end. One with a size is a resumable upload that joined their
        batch.
        """
        expiry = timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - deadlines.SILENCE_SECONDS)
        return self.receiving().filter(expires_at__lt=expiry, size=None, batch__source__in=Batch.BOUND)

    def quiet(self, seconds: float) -> UploadQuerySet:
        """Partly received, but nothing of the batch has arrived for `seconds`."""
        expiry = timezone.now() + timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - seconds)
        return self.receiving().filter(expires_at__lt=expiry, arrived__gt=0)

    def in_the_bucket(self) -> UploadQuerySet:
        """Uploads with parts that were to go directly to the bucket."""
        return self.filter(models.Exists(Part.objects.filter(upload=models.OuterRef("pk"))))

    def ended_badly(self) -> UploadQuerySet:
        """Refused or expired, and not dismissed."""
        return self.filter(state__in=ENDED_BADLY, dismissed_at=None, batch__dismissed_at=None)


class Upload(models.Model):
    """One uploaded file. Its id cannot be guessed. Its bytes are at `key` until the photo is published."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Without indexes of their own: the indexes below that begin with these columns serve the same queries.
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    name = models.CharField("file name", max_length=255, help_text="Display only; never used as a path.")
    folder = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        help_text="The file's folder on the client. Never used as a path.",
    )
    place = models.CharField(
        max_length=10,
        blank=True,
        default=locations.for_new,
        db_default="",
        help_text="Where its bytes go: empty is the disk, s3/ the bucket.",
    )
    state = models.CharField(max_length=10, choices=UploadState, default=UploadState.RECEIVING.value)
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes. Empty if unknown.")
    arrived = models.PositiveBigIntegerField(
        "received", default=0, help_text="Bytes, for progress only. The offset is the file's size on disk."
    )
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    declared_sha256 = models.CharField(
        "declared SHA-256",
        max_length=64,
        blank=True,
        help_text="Checksum from the client, which the file has to match.",
    )
    metadata = models.TextField(blank=True, help_text="Upload-Metadata as the tus client sent it.")
    multipart_id = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        help_text="The bucket's ID of a multipart upload in progress.",
    )
    modified_at = models.DateTimeField(
        null=True, blank=True, help_text="The file's modification time, from the client."
    )
    code = models.CharField(max_length=40, blank=True, help_text="Why it was rejected or stopped.")
    message = models.TextField(blank=True, help_text="The same as text.")
    note = models.TextField(blank=True, help_text="A warning about an accepted file.")
    duplicate_of = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="When an unfinished upload expires.")
    dismissed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a user dismissed a rejected or expired upload."
    )

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=UploadState.values), name="upload_state_known"),
            models.CheckConstraint(
                condition=~Q(state=UploadState.RECEIVED) | (Q(size__gt=0) & ~Q(sha256="")),
                name="upload_received_whole",
            ),
            models.CheckConstraint(
                condition=~Q(state=UploadState.REJECTED) | (~Q(code="") & ~Q(message="")),
                name="upload_refused_with_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["album", "state", "sha256"], name="upload_album_state_sha256"),
            models.Index(fields=["album", "name"], name="upload_album_name"),
            models.Index(fields=["state", "expires_at"], name="upload_state_expiry"),
            models.Index(fields=["batch", "state"], name="upload_batch_state"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """The storage key of the raw bytes. Never chosen by the client."""
        return storage_keys.received(self.place, self.pk)


class Part(models.Model):
    """One part of an upload that goes directly to the bucket. Only processing/uploads/direct/multipart.py writes it.

    The bucket's list of parts is authoritative. The row holds what was expected, and what was listed last.
    """

    class State(models.TextChoices):
        EXPECTED = "expected", "Expected"
        STORED = "stored", "Stored"

    WHOLE = 0
    """The part number of a form that contains the whole file."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField(help_text="Starts at 1. 0 is a form with the whole file.")
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes. Empty if unknown.")
    etag = models.CharField("ETag", max_length=100, blank=True, help_text="As listed by the bucket.")
    state = models.CharField(max_length=10, choices=State, default=State.EXPECTED.value)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "number"], name="part_numbered_once"),
            models.CheckConstraint(condition=Q(state__in=["expected", "stored"]), name="part_state_known"),
            models.CheckConstraint(
                condition=~Q(state="stored") | (Q(size__isnull=False) & ~Q(etag="")), name="part_stored_with_etag"
            ),
        ]

    def __str__(self) -> str:
        return f"Part {self.number} of {self.upload_id}"


class JobQuerySet(models.QuerySet["ProcessingJob"]):
    def active(self) -> JobQuerySet:
        return self.filter(state__in=ACTIVE)

    def failed(self) -> JobQuerySet:
        return self.filter(state=JobState.FAILED)

    def in_work(self) -> JobQuerySet:
        return self.filter(state=JobState.PROCESSING)

    def oldest_pending_seconds(self, now: datetime) -> int:
        """The age of the oldest pending job at `now`; 0 without any, or if the clock was set back."""
        pending = self.filter(state=JobState.PENDING).order_by("created_at")
        oldest = pending.values_list("created_at", flat=True).first()
        return max(0, int((now - oldest).total_seconds())) if oldest else 0

    def lost(self) -> JobQuerySet:
        """Processing with an expired lease: the worker is gone."""
        return self.in_work().filter(deadlines.passed("lease_until", settings.LEASE_SECONDS))

    def due(self) -> JobQuerySet:
        """Pending and not waiting for a retry, in the order of processing."""
        return self.filter(deadlines.retry_passed(), state=JobState.PENDING).order_by("turn", "pk")


class ProcessingJob(models.Model):
    """Turns one received upload into a photo or a companion.

    Only processing/jobs/transitions.py changes its state.
    """

    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="job")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    photo = models.OneToOneField(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="job")
    companion = models.OneToOneField(
        Companion,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="job",
        help_text="Set if the file is not a photo.",
    )
    original_filename = models.CharField("file name", max_length=255)
    stem = models.CharField(
        "base name", max_length=255, blank=True, help_text="Lower-case name without extensions; groups related files."
    )
    raw_path = models.CharField("raw file", max_length=200, help_text="Its storage key.")

    state = models.CharField(max_length=10, choices=JobState, default=JobState.PENDING.value)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(default=0, help_text="Counted when an attempt starts.")
    turn = models.BigIntegerField("priority", default=0, help_text="Smallest first. Albums alternate.")
    run_after = models.DateTimeField("not before", default=timezone.now)

    publish_damaged = models.BooleanField(
        default=False, db_default=False, help_text="A user chose to publish the readable part."
    )
    claim = models.UUIDField("lock", null=True, blank=True, unique=True, help_text="Held by the worker.")
    lease_until = models.DateTimeField("lock expires at", null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = "job"
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_known"),
            models.CheckConstraint(
                condition=Q(state=JobState.PROCESSING, claim__isnull=False, lease_until__isnull=False)
                | (~Q(state=JobState.PROCESSING) & Q(claim__isnull=True, lease_until__isnull=True)),
                name="job_claimed_while_processing",
            ),
            models.CheckConstraint(
                condition=~Q(state=JobState.FAILED) | (~Q(error_code="") & ~Q(error_message="")),
                name="job_failed_with_reason",
            ),
        ]
        indexes = [
            # Not partial indexes: SQLite cannot prove that a bound parameter implies their condition.
            models.Index(fields=["state", "turn", "id"], name="job_state_turn"),
            models.Index(fields=["album", "state", "turn"], name="job_album_state_turn"),
            models.Index(fields=["batch", "state"], name="job_batch_state"),
            models.Index(fields=["batch", "stem"], name="job_batch_stem"),
            models.Index(fields=["state", "lease_until"], name="job_state_lease"),
            models.Index(fields=["state", "finished_at"], name="job_state_finished"),
            models.Index(fields=["state", "created_at"], name="job_state_created"),
        ]

    def __str__(self) -> str:
        return f"{self.original_filename} ({self.get_state_display()})"


key_columns.register(
    KeyColumn(
        Kind.RAW,
        ProcessingJob,
        "raw_path",
        "upload__size",
        "upload__sha256",
        is_needed=Q(state__in=KEEPS_RAW),
    )
)


class Preview(models.Model):
    """A preview of a failed job's raw file. Deleted with that file.

    The bytes are in the database, not in a stored file, so that the transaction that ends the failure deletes them too. They can
    be neither orphaned nor missing. They have their own table so that lists of jobs do not read them.
    """

    job = models.OneToOneField(ProcessingJob, primary_key=True, on_delete=models.CASCADE, related_name="preview")
    webp = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Preview of job {self.job_id}"


class JobEvent(models.Model):
    """One transition of a job; all of them are its timeline."""

    job = models.ForeignKey(ProcessingJob, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    edge = models.CharField("event", max_length=20, choices=EVENTS)
    attempt = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    by = models.CharField(max_length=100, blank=True, help_text="Worker, user or command.")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.get_edge_display()} at {self.at:%Y-%m-%d %H:%M:%S}"
