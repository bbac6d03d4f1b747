import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
CODE = """
import sys
import django
django.setup()
import config.urls
import huey.contrib.djhuey
print([name for name in ("redis", "psycopg") if name in sys.modules])
"""
SERVERS = {"DATABASE_URL": "postgresql://nowhere.invalid/darkroom", "REDIS_URL": "redis://nowhere.invalid"}


@pytest.mark.once
@pytest.mark.parametrize(
    ("names", "loaded"),
    [((), []), (("REDIS_URL",), ["redis"]), (("DATABASE_URL",), ["psycopg"]), (SERVERS, ["redis", "psycopg"])],
    ids=["neither", "Redis", "PostgreSQL", "both"],
)
def test_only_the_servers_that_are_set_cost_memory(names, loaded, tmp_path):
    env = {"PATH": os.environ["PATH"], "DATA_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "config.settings"}
    env |= {name: SERVERS[name] for name in names}

    ended = subprocess.run(
        [sys.executable, "-c", CODE], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )

    assert (ended.stdout, ended.stderr) == (f"{loaded}\n", "")
