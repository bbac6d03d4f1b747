import io
import os
import subprocess
import sys
from pathlib import Path
from wsgiref.util import setup_testing_defaults

import pytest

from config import wsgi

PROJECT = Path(__file__).parents[2]
FORMS = {
    "application/x-www-form-urlencoded": b"title=%C3%A4nne",
    "multipart/form-data; boundary=b": b'--b\r\nContent-Disposition: form-data; name="title"\r\n\r\n\xc3\xa4nne\r\n--b--\r\n',
}


@pytest.mark.parametrize("kind", FORMS)
@pytest.mark.parametrize("charset", ["utf-8", "rot13", "zlib", "idna", "undefined", "utf-16", "latin-1", "x" * 300, ""])
def test_a_form_is_decoded_as_utf_8_whatever_charset_it_declares(kind, charset):
    body = FORMS[kind]
    environ = {"REQUEST_METHOD": "POST", "QUERY_STRING": "page=%C3%A4", "CONTENT_LENGTH": str(len(body))}
    environ |= {"CONTENT_TYPE": f"{kind}; charset={charset}", "wsgi.input": io.BytesIO(body)}
    setup_testing_defaults(environ)

    request = wsgi.application.request_class(environ)

    assert (request.GET["page"], request.POST["title"]) == ("ä", "änne")


@pytest.mark.once
@pytest.mark.parametrize(
    "arguments",
    [
        [
            "manage.py",
            "shell",
            "--no-imports",
            "-c",
            "import gc; print(gc.isenabled(), gc.get_freeze_count() > 10_000)",
        ],
        ["-c", "import gc, config.wsgi; print(gc.isenabled(), gc.get_freeze_count() > 10_000)"],
    ],
    ids=["commands", "web"],
)
def test_a_started_process_collects_garbage_again_but_has_frozen_its_modules(arguments, tmp_path):
    (tmp_path / "static").mkdir()  # WhiteNoise warns without it
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path)}

    completed = subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )

    assert (completed.stdout, completed.stderr) == ("True True\n", "")
