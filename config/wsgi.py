"""The WSGI application that `manage.py serve` runs."""

import os
from typing import Any

import django
from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.utils.http import parse_header_parameters

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class Request(WSGIRequest):
    """Every page is UTF-8, so every form comes back in it, whatever charset its sender names.

    Django takes any codec that Python has, and breaks before its error handling begins over those that are none of text (rot13).
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        self.content_type, self.content_params = parse_header_parameters(meta.get("CONTENT_TYPE", ""))


class Handler(WSGIHandler):
    request_class = Request

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer the request. Where its body was left unread, gunicorn is told to close the connection, and to say so."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            response: Any = getattr(start_response, "__self__", None)
            if getattr(environ.get("wsgi.input"), "failed", False) and hasattr(response, "force_close"):
                response.force_close()
            return start_response(status, headers, *error)

        return super().__call__(environ, start)


django.setup(set_prefix=False)
application = Handler()
