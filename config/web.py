"""The former name of `config.server.gunicorn`, for a deployed command line that says `gunicorn -c python:config.web`."""

from config.server.gunicorn import *  # noqa: F403 - gunicorn reads the module's names
