"""Users, how they sign in, and their sessions: django-allauth, with what differs here. docs/decisions/0013 says why."""
