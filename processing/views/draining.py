"""An answer sent while the body is still arriving is lost: the browser shows "connection reset" in its place.

So the rest of a refused body has to be read and thrown away. The web server's main thread does that, for every request whose body
its view has not read to the end, and closes the connection then (config.patience, `DISCARD_SECONDS`). No thread and no place
among the uploads is taken meanwhile, so views have nothing to do.
"""

from django.http import HttpRequest


def drain(request: HttpRequest) -> None:
    """Says that the rest of the body is left to the web server."""
