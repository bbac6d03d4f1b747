"""A user's preferences for the grids of all albums."""

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from albums.models import GridPreference


class GridForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = GridPreference
        fields = ("layout", "density")


def of(user: AbstractBaseUser | AnonymousUser) -> GridPreference:
    """Returns the user's preference, unsaved if the user has not chosen one."""
    return GridPreference.objects.filter(user=user.pk).first() or GridPreference(user_id=user.pk)  # type: ignore[misc]
