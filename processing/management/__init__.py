"""Commands of `manage.py`."""

from django.core.checks import Tags

SETTINGS_ONLY = (Tags.security,)
"""For a command's `requires_system_checks`. Darkroom's own checks of the settings have this tag.

Django's other checks examine code that is the same in every installation. They import every page and what it needs, which takes
longer than most commands.
"""
