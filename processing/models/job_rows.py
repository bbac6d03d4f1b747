"""What is to be done: a job for each received upload, what happened to it, and photos to be rendered again."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone

from albums.models import Album, Companion, Photo
from processing.lib import backoff
from processing.models import deadlines
from processing.models.states import ACTIVE, JobState
from processing.models.uploads import Batch, Upload


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
        may_run = deadlines.passed("run_after", backoff.longest(settings.BACKOFF_MAX_SECONDS))
        return self.filter(may_run, state=JobState.PENDING).order_by("turn", "pk")


class ProcessingJob(models.Model):
    """The work of turning one received upload into one photo, or its companion.

    Only processing/jobs/lifecycle.py changes its state.
    """

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

    publish_damaged = models.BooleanField(
        default=False, db_default=False, help_text="A person wants it published as far as it can be decoded."
    )
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
        may_run = deadlines.passed("run_after", backoff.longest(settings.BACKOFF_MAX_SECONDS))
        is_lost = deadlines.passed("lease_until", settings.PIPELINE_SECONDS + settings.LEASE_SECONDS)
        return self.waiting().filter((Q(claim=None) & may_run) | is_lost).order_by("turn", "pk")


class Rerender(models.Model):
    """A photo whose renditions are to be made again; gone when they are. Only processing/rendering/rerender.py writes it."""

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
