"""Models of maintenance: workers, periodic tasks, findings, photos to render again, the bucket's settings, measurements."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from albums import key_columns
from albums.key_columns import KeyColumn, Kind
from albums.models import Companion, Photo
from processing.models import deadlines


class WorkerPulse(models.Model):
    """A worker process. The worker updates its row every few seconds."""

    name = models.CharField(max_length=100, primary_key=True)
    host = models.CharField(max_length=100, db_default="")
    version = models.CharField(max_length=20)
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField("last heartbeat", default=timezone.now, db_index=True)
    developed = models.PositiveIntegerField("jobs done", db_default=0, help_text="Since the worker started.")
    lately = models.PositiveIntegerField("jobs/min", db_default=0, help_text="Jobs done in the last minute.")
    drained_at = models.DateTimeField("paused at", null=True, blank=True, help_text="Empty if not paused.")

    class Meta:
        verbose_name = "worker"

    def __str__(self) -> str:
        return self.name


class Round(models.Model):
    """A periodic task, which one worker runs per interval."""

    name = models.CharField(max_length=40, primary_key=True)
    next_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Finding(models.Model):
    """A stored file that does not match its row. Deleted when the file is correct again."""

    class Problem(models.TextChoices):
        MISSING = "missing", "missing"
        CORRUPT = "corrupt", "damaged"

    key = models.CharField(max_length=200, unique=True)
    photo = models.ForeignKey(Photo, null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    companion = models.ForeignKey(Companion, null=True, blank=True, on_delete=models.CASCADE, related_name="findings")
    problem = models.CharField(max_length=10, choices=Problem, db_column="trouble")
    found_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = "integrity issue"
        ordering = ["found_at", "pk"]
        constraints = [
            models.CheckConstraint(condition=Q(problem__in=["missing", "corrupt"]), name="finding_trouble_known")
        ]

    def __str__(self) -> str:
        return f"{self.key} is {self.get_problem_display()}"


key_columns.register(KeyColumn(Kind.NAMED, Finding, "key"))


class BucketConnection(models.Model):
    """The bucket's settings from the storage page: at most one row.

    Only processing/maintenance/bucket_settings.py writes it.
    """

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY, editable=False)
    bucket = models.CharField(max_length=63)
    endpoint = models.CharField(max_length=300, blank=True)
    region = models.CharField(max_length=60)
    prefix = models.CharField(max_length=101, blank=True)
    access_key = models.CharField(max_length=200)
    sealed_secret = models.TextField(help_text="Encrypted with a key derived from SECRET_KEY.")
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
    """The results of one run of the doctor: through the front door, from a browser, and inside."""

    address = models.CharField(max_length=300)
    begun_at = models.DateTimeField("started at", default=timezone.now, db_index=True)
    ended_at = models.DateTimeField("finished at", null=True, blank=True)
    largest_body = models.PositiveBigIntegerField(
        "max request size", null=True, blank=True, help_text="Bytes. Empty if unknown."
    )
    has_limit = models.BooleanField("limited", default=False, help_text="A larger request was rejected.")
    browser = models.JSONField("from the browser", default=list, blank=True)
    door = models.JSONField("from the server", default=list, blank=True)
    inside = models.JSONField("system", default=list, blank=True)

    class Meta:
        verbose_name = "diagnostics run"
        verbose_name_plural = "diagnostics"
        ordering = ["-begun_at", "-pk"]

    def __str__(self) -> str:
        return f"{self.address} at {self.begun_at:%Y-%m-%d %H:%M}"


class RerenderQuerySet(models.QuerySet["Rerender"]):
    def waiting(self) -> RerenderQuerySet:
        """Queued or in progress."""
        return self.filter(error_code="")

    def given_up(self) -> RerenderQuerySet:
        return self.exclude(error_code="")

    def in_work(self) -> RerenderQuerySet:
        return self.filter(claim__isnull=False)

    def due(self) -> RerenderQuerySet:
        """Rows to render now, in order. A row with an expired lease has lost its worker and is due again."""
        is_lost = deadlines.passed("lease_until", settings.PIPELINE_SECONDS + settings.LEASE_SECONDS)
        return self.waiting().filter((Q(claim=None) & deadlines.retry_passed()) | is_lost).order_by("turn", "pk")


class Rerender(models.Model):
    """A photo to be rendered again. Deleted when that is done. Only processing/rendering/rerender.py writes it."""

    photo = models.OneToOneField(Photo, on_delete=models.CASCADE, related_name="rerender")
    turn = models.BigIntegerField("priority", help_text="Smallest first. Albums alternate.")
    asked_at = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0, help_text="Counted when an attempt starts.")
    run_after = models.DateTimeField(default=timezone.now)
    claim = models.UUIDField("lock", null=True, blank=True, unique=True, help_text="Held by the worker.")
    lease_until = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=40, blank=True, help_text="Why it failed.")
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
