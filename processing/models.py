"""The workshop's rows: batches, uploads, jobs, what happened to them, and the workers at it."""

from __future__ import annotations

import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from albums.models import Album, Companion, Photo
from processing import deadlines
from processing.states import ACTIVE, ENDED_BADLY, JobState, UploadState
from processing.storage import places


class BatchQuerySet(models.QuerySet["Batch"]):
    def active(self, album: Album | None = None) -> BatchQuerySet:
        """Those with work left: an upload on its way, or a job waiting or in work."""
        batches, jobs, uploads = self, ProcessingJob.objects.active(), Upload.objects.receiving()
        if album is not None:  # of the batches too, or the database would look at each there is
            batches, jobs, uploads = batches.filter(album=album), jobs.filter(album=album), uploads.filter(album=album)
        return batches.filter(Q(pk__in=jobs.values("batch")) | Q(pk__in=uploads.values("batch")))


class Batch(models.Model):
    """What one person sends to one album in one go."""

    class Source(models.TextChoices):
        FORM = "form", "Upload form"
        PAGE = "page", "Album page"
        TUS = "tus", "Resumable upload"
        DIRECT = "direct", "Straight to the bucket"
        IMPORT = "import", "Import command"

    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="batches")
    opened_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL)
    source = models.CharField(max_length=10, choices=Source)
    token = models.UUIDField(
        unique=True,
        null=True,
        blank=True,
        help_text="Of the form that was sent, so that a re-sent form is no second batch.",
    )
    opened_at = models.DateTimeField(default=timezone.now)
    dismissed_at = models.DateTimeField(null=True, blank=True, help_text="When a person put its report away.")

    objects = BatchQuerySet.as_manager()

    class Meta:
        ordering = ["-opened_at", "-pk"]
        verbose_name_plural = "batches"
        indexes = [
            models.Index(fields=["album", "dismissed_at"], name="batch_album_report"),
            models.Index(fields=["-opened_at", "-id"], name="batch_opened"),
        ]

    def __str__(self) -> str:
        return f"Batch {self.pk}"


class UploadQuerySet(models.QuerySet["Upload"]):
    def receiving(self) -> UploadQuerySet:
        return self.filter(state=UploadState.RECEIVING)

    def idle(self) -> UploadQuerySet:
        """Receiving, but nothing arrived for long."""
        return self.receiving().filter(deadlines.passed("expires_at", settings.UPLOAD_EXPIRY_SECONDS))

    def quiet(self, seconds: float) -> UploadQuerySet:
        """Some of it is here, but nothing of its batch arrived for so long."""
        left = timedelta(seconds=settings.UPLOAD_EXPIRY_SECONDS - seconds)
        return self.receiving().filter(expires_at__lt=timezone.now() + left, arrived__gt=0)

    def in_the_bucket(self) -> UploadQuerySet:
        """Those of which something was to go there straight."""
        return self.filter(models.Exists(Part.objects.filter(upload=models.OuterRef("pk"))))

    def ended_badly(self) -> UploadQuerySet:
        """Refused or expired, and nobody has put them away yet."""
        return self.filter(state__in=ENDED_BADLY, dismissed_at=None, batch__dismissed_at=None)


class Upload(models.Model):
    """One file on its way in. Its id is unguessable, its bytes lie at `key` until they are a photo."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Found by the indexes below that begin with them: one of their own would be written for nothing.
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    name = models.CharField("file name", max_length=255, help_text="As shown to people; never used as a path.")
    place = models.CharField(
        max_length=10,
        blank=True,
        default=places.for_new,
        db_default="",
        help_text="Where its bytes go: empty is the disk, s3/ the bucket.",
    )
    state = models.CharField(max_length=10, choices=UploadState, default=UploadState.RECEIVING.value)
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes; empty while unknown.")
    arrived = models.PositiveBigIntegerField(
        default=0, help_text="Bytes that have arrived, for progress alone: the offset is the size of the file."
    )
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    declared_sha256 = models.CharField(
        "declared SHA-256",
        max_length=64,
        blank=True,
        help_text="What its sender says it is; what arrives is held to it.",
    )
    metadata = models.TextField(blank=True, help_text="What a tus client told of it, as it told it.")
    multipart_id = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        help_text="What the bucket calls it while it goes there straight, in parts. Only intake/parts.py writes it.",
    )
    modified_at = models.DateTimeField(null=True, blank=True, help_text="The file's own date, as its sender told it.")
    code = models.CharField(max_length=40, blank=True, help_text="Why it was refused or stopped.")
    message = models.TextField(blank=True, help_text="The same, in words for people.")
    note = models.TextField(blank=True, help_text="Something worth knowing of a file that was taken.")
    duplicate_of = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    expires_at = models.DateTimeField(help_text="An upload still on its way is given up then.")
    dismissed_at = models.DateTimeField(
        null=True, blank=True, help_text="When a person put it away, of those that were refused or expired."
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
                condition=~Q(state=UploadState.REFUSED) | (~Q(code="") & ~Q(message="")),
                name="upload_refused_with_reason",
            ),
        ]
        indexes = [
            models.Index(fields=["album", "state"], name="upload_album_state"),
            models.Index(fields=["state", "expires_at"], name="upload_state_expiry"),
            models.Index(fields=["batch", "state"], name="upload_batch_state"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        """Where the raw bytes lie: chosen here, never by the sender."""
        return f"{self.place}incoming/{self.pk}"


class Part(models.Model):
    """One part of an upload that goes straight to the bucket. Only processing/intake/parts.py writes it.

    What the bucket lists is the truth; the row says what was expected, and what was listed last.
    """

    class State(models.TextChoices):
        EXPECTED = "expected", "Expected"
        STORED = "stored", "Stored"

    WHOLE = 0
    """The number of a form that holds the whole file."""

    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="parts")
    number = models.PositiveIntegerField(help_text="From 1 on; 0 is a form that holds the whole file.")
    size = models.PositiveBigIntegerField(null=True, blank=True, help_text="Bytes; empty while unknown.")
    etag = models.CharField("ETag", max_length=100, blank=True, help_text="As the bucket tells it.")
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

    def lost(self) -> JobQuerySet:
        """In work, but with a lease that ran out: their worker is gone."""
        return self.in_work().filter(deadlines.passed("lease_until", settings.LEASE_SECONDS))

    def due(self) -> JobQuerySet:
        """Pending and not waiting for a retry, in the order they are to be done."""
        may_run = deadlines.passed("run_after", settings.BACKOFF_MAX_SECONDS)
        return self.filter(may_run, state=JobState.PENDING).order_by("turn", "pk")


class ProcessingJob(models.Model):
    """The work of turning one received upload into one photo, or its companion. Only processing/jobs.py changes its state."""

    upload = models.OneToOneField(Upload, on_delete=models.CASCADE, related_name="job")
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    album = models.ForeignKey(Album, on_delete=models.CASCADE, related_name="jobs", db_index=False)
    photo = models.OneToOneField(Photo, null=True, blank=True, on_delete=models.SET_NULL, related_name="job")
    companion = models.OneToOneField(
        Companion, null=True, blank=True, on_delete=models.SET_NULL, related_name="job", help_text="If it is no photo."
    )
    original_filename = models.CharField(max_length=255)
    stem = models.CharField(
        max_length=255,
        blank=True,
        help_text="The name without its endings, in small letters: what belongs together has one.",
    )
    raw_path = models.CharField(max_length=200, help_text="Storage key of the raw file.")

    state = models.CharField(max_length=10, choices=JobState, default=JobState.PENDING.value)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.TextField(blank=True)
    attempts = models.PositiveIntegerField(
        default=0, help_text="Counted at claim, so a file that kills its worker runs out."
    )
    turn = models.BigIntegerField(default=0, help_text="Smallest first; dealt so that albums take turns.")
    run_after = models.DateTimeField(default=timezone.now)

    claim = models.UUIDField(null=True, blank=True, unique=True, help_text="The hold of the worker that has it.")
    lease_until = models.DateTimeField(null=True, blank=True)
    worker = models.CharField(max_length=100, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
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
            # Whole, not partial: SQLite cannot prove that a bound parameter implies a partial index's condition.
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


class Preview(models.Model):
    """What can be seen of a failed job's raw file, and gone with it.

    A row and not a stored file, for it goes in the transaction that ends the failure: nothing of it can be left over, or missing.
    And a row of its own, or every list of jobs would carry it along.
    """

    job = models.OneToOneField(ProcessingJob, primary_key=True, on_delete=models.CASCADE, related_name="preview")
    webp = models.BinaryField()
    made_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Preview of job {self.job_id}"


class RerenderQuerySet(models.QuerySet["Rerender"]):
    def waiting(self) -> RerenderQuerySet:
        """Those that something is still to come of, in work or not."""
        return self.filter(error_code="")

    def given_up(self) -> RerenderQuerySet:
        return self.exclude(error_code="")

    def in_work(self) -> RerenderQuerySet:
        return self.filter(claim__isnull=False)

    def due(self) -> RerenderQuerySet:
        """In the order they are to be done. One whose lease ran out lost its worker, and is due again."""
        may_run = deadlines.passed("run_after", settings.BACKOFF_MAX_SECONDS)
        is_lost = deadlines.passed("lease_until", settings.PIPELINE_SECONDS + settings.LEASE_SECONDS)
        return self.waiting().filter((Q(claim=None) & may_run) | is_lost).order_by("turn", "pk")


class Rerender(models.Model):
    """A photo whose renditions are to be made again; gone when they are. Only processing/rerendering.py writes it."""

    photo = models.OneToOneField(Photo, on_delete=models.CASCADE, related_name="rerender")
    turn = models.BigIntegerField(help_text="Smallest first; dealt so that albums take turns.")
    asked_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0, help_text="Counted at claim.")
    run_after = models.DateTimeField(default=timezone.now)
    claim = models.UUIDField(null=True, blank=True, unique=True, help_text="The hold of the worker that has it.")
    lease_until = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True, help_text="Why it was given up.")
    error_message = models.TextField(blank=True)

    objects = RerenderQuerySet.as_manager()

    class Meta:
        ordering = ["turn", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(claim__isnull=True, lease_until__isnull=True)
                | Q(claim__isnull=False, lease_until__isnull=False, error_code=""),
                name="rerender_claimed_with_lease",
            ),
        ]
        indexes = [models.Index(fields=["error_code", "turn", "id"], name="rerender_code_turn")]

    def __str__(self) -> str:
        return f"Photo {self.photo_id} again"


class JobEvent(models.Model):
    """One move of one job: its timeline."""

    job = models.ForeignKey(ProcessingJob, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now, db_index=True)
    edge = models.CharField(max_length=20)
    attempt = models.PositiveIntegerField(default=0)
    code = models.CharField(max_length=40, blank=True)
    detail = models.TextField(blank=True)
    by = models.CharField(max_length=100, blank=True, help_text="The worker, person or command.")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.edge} at {self.at:%Y-%m-%d %H:%M:%S}"


class WorkerPulse(models.Model):
    """A worker that is, or was, at work: renewed every few seconds by the worker itself."""

    name = models.CharField(max_length=100, primary_key=True)
    host = models.CharField(max_length=100, db_default="")
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now, db_index=True)
    developed = models.PositiveIntegerField(db_default=0, help_text="Files it has dealt with since it was started.")
    lately = models.PositiveIntegerField(db_default=0, help_text="Of those, in the last minute.")
    drained_at = models.DateTimeField(null=True, blank=True, help_text="When it was asked to begin nothing more.")

    def __str__(self) -> str:
        return self.name


class Round(models.Model):
    """What is done every so often, by one of however many workers."""

    name = models.CharField(max_length=40, primary_key=True)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Finding(models.Model):
    """A stored file that is not what its row says; gone when it is right again."""

    class Trouble(models.TextChoices):
        MISSING = "missing", "missing"
        CORRUPT = "corrupt", "damaged"

    key = models.CharField(max_length=200, unique=True)
    photo = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    companion = models.ForeignKey(Companion, null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    trouble = models.CharField(max_length=10, choices=Trouble)
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["found_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(trouble__in=["missing", "corrupt"]), name="finding_trouble_known")
        ]

    def __str__(self) -> str:
        return f"{self.key} is {self.get_trouble_display()}"


class BucketConnection(models.Model):
    """The bucket as it was set up on the storage page: one row, or none. Only processing/connecting.py writes it."""

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    bucket = models.CharField(max_length=63)
    endpoint = models.CharField(max_length=300, blank=True)
    region = models.CharField(max_length=60)
    prefix = models.CharField(max_length=101, blank=True)
    access_key = models.CharField(max_length=200)
    sealed_secret = models.TextField(help_text="Encrypted with a key that is made of SECRET_KEY.")
    addressing = models.CharField(max_length=10, default="auto")
    browser_endpoint = models.CharField(max_length=300, blank=True)
    saved_at = models.DateTimeField(default=timezone.now)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="bucket_connection_only_one")]

    def __str__(self) -> str:
        return self.bucket


class Measurement(models.Model):
    """What the doctor found once: through the front door, as a browser saw it, and inside."""

    address = models.CharField(max_length=300)
    begun_at = models.DateTimeField(default=timezone.now, db_index=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    largest_body = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="Bytes of the largest request that passed; empty while unknown."
    )
    has_limit = models.BooleanField(default=False, help_text="Whether a larger one was refused.")
    browser = models.JSONField(default=list, blank=True)
    door = models.JSONField(default=list, blank=True)
    inside = models.JSONField(default=list, blank=True)

    class Meta:
        ordering = ["-begun_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.address} at {self.begun_at:%Y-%m-%d %H:%M}"
