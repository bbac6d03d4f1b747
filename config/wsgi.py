"""The WSGI application that `manage.py serve` runs."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from config.server import prctl

prctl.hide_memory()  # for servers other than ours, which does it for its master too
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Request(WSGIRequest):
    """Every page is UTF-8, so every form comes back in it, whatever charset its sender names.

    Django takes any codec that Python has, and breaks before its error handling begins over those that are none of text (rot13).
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    request_class = Request


django.setup(set_prefix=False)
application = Handler()
