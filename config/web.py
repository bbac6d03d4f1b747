"""The former name of `config.server.gunicorn`, for deployed command lines with `gunicorn -c python:config.web`."""

from config.server.gunicorn import *  # noqa: F403 - gunicorn reads the module's names
