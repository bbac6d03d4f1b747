"""A user's preferences for grids of photos."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q


class GridPreference(models.Model):
    """A user's preferences for the grids of all albums."""

    class Layout(models.TextChoices):
        ROWS = "rows", "Rows"
        SQUARES = "squares", "Squares"

    class Density(models.TextChoices):
        SMALL = "small", "Small"
        MEDIUM = "medium", "Medium"
        LARGE = "large", "Large"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="grid_preference"
    )
    layout = models.CharField(max_length=10, choices=Layout, default=Layout.ROWS.value)
    density = models.CharField("photo size", max_length=10, choices=Density, default=Density.MEDIUM.value)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(layout__in=["rows", "squares"]), name="grid_layout_known"),
            models.CheckConstraint(condition=Q(density__in=["small", "medium", "large"]), name="grid_density_known"),
        ]

    def __str__(self) -> str:
        return f"{self.layout}, {self.density}"
