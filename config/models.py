from django.db import models
from django.utils import timezone


class FailedSignIn(models.Model):
    """One wrong password. The database remembers it, so that all web processes know; none is kept longer than it counts."""

    network = models.CharField(max_length=64)
    name_hash = models.CharField(max_length=64, help_text="Keyed: people type passwords into the wrong field.")
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        indexes = [
            models.Index(fields=["network", "at"], name="failed_sign_in_network"),
            models.Index(fields=["at"], name="failed_sign_in_age"),
        ]

    def __str__(self) -> str:
        return f"{self.network} at {self.at:%H:%M:%S}"
