from django.db import models


class CachedValue(models.Model):
    """A row of the cache in config/cache.py."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.TextField(help_text="JSON")
    expires_at = models.FloatField(
        db_index=True, help_text="Seconds since 1970; infinity for values that do not expire."
    )

    def __str__(self) -> str:
        return self.key
