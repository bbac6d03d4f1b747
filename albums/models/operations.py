"""Actions of users on albums and photos, with what is needed to undo them."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone


class Operation(models.Model):
    """An action of a user that is applied in steps and can be undone. `albums.operations.engine` is the only writer."""

    class State(models.TextChoices):
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        STOPPED = "stopped", "Stopped by an error"
        UNDOING = "undoing", "Being undone"
        UNDONE = "undone", "Undone"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="operations")
    kind = models.CharField(max_length=30, help_text="The name of the action in albums/operations/actions.py.")
    params = models.JSONField(default=dict, help_text="Parameters of the action.")
    selection = models.JSONField(null=True, help_text="The photos, as a Selection. Null: the action has no selection.")
    state = models.CharField(max_length=10, choices=State, default=State.RUNNING.value)
    total = models.PositiveIntegerField(default=0, help_text="Photos in the selection when the operation began.")
    done = models.PositiveIntegerField(default=0, help_text="Photos or albums that were changed.")
    skipped = models.PositiveIntegerField(default=0, help_text="Photos that the action did not change.")
    kept = models.PositiveIntegerField(default=0, help_text="Photos or albums that undoing did not restore.")
    last_photo_id = models.BigIntegerField(default=0, help_text="The last photo of the steps so far.")
    max_photo_id = models.BigIntegerField(default=0, help_text="Photos that were added later are not included.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="Steps that raised an error in a row.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)
    prepared: Any = None
    """What `Action.prepare` returned for the step in progress. Not stored."""

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["running", "done", "stopped", "undoing", "undone"]),
                name="operation_state_known",
            )
        ]
        indexes = [
            models.Index(fields=["created_at"], name="operation_created"),
            models.Index(
                fields=["updated_at"], name="operation_unfinished", condition=Q(state__in=["running", "undoing"])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    def get_absolute_url(self) -> str:
        return reverse("albums:operation", args=[self.pk])

    @property
    def is_unfinished(self) -> bool:
        return self.state in (self.State.RUNNING, self.State.UNDOING)


class OperationStep(models.Model):
    """One step of an operation: how to undo the changes of one transaction."""

    operation = models.ForeignKey(Operation, on_delete=models.CASCADE, related_name="steps")
    inverse = models.JSONField(help_text="The action's data to undo the step.")

    def __str__(self) -> str:
        return f"step {self.pk} of operation {self.operation_id}"
