"""Users, sign-in and sessions: django-allauth with deviations (docs/decisions/0013)."""
