"""The WSGI application that `manage.py serve` runs."""

import gc
import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

from config.server import prctl

prctl.hide_memory()  # for other servers: ours does this in gunicorn's master too
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Request(WSGIRequest):
    """A request that ignores the charset of its Content-Type: every page is UTF-8, so every form is too.

    Django accepts any Python codec, and crashes before its error handling on codecs that are not for text (rot13).
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    request_class = Request


gc.disable()  # as in manage.py
django.setup(set_prefix=False)
gc.freeze()
gc.enable()
application = Handler()
