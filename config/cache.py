"""A Django cache backend in the installation's database, so that all web processes share it.

Rate limits need this: a cache per process would count only its own attempts, and one in Redis would lose counts in an outage.
Values are JSON. Django's own database cache stores pickles: with write access to its table, an attacker could run code in the web
server.
"""

import json
import time
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache
from django.db import connection

from config.models import CachedValue

SET = """
INSERT INTO {table} ("key", "value", "expires_at") VALUES (%s, %s, %s)
ON CONFLICT ("key") DO UPDATE SET "value" = excluded."value", "expires_at" = excluded."expires_at"
"""
ADD = SET + ' WHERE {table}."expires_at" <= %s'
NEVER_EXPIRES = 1e300


class DatabaseCache(BaseCache):
    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def add(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        """Returns True if the value was added, False if the key exists. One atomic statement: one concurrent caller gets True."""
        row = self._row(key, value, timeout, version)
        return self._write(ADD, [*row, time.time()]) == 1

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        rows = CachedValue.objects.filter(key=self._key(key, version), expires_at__gt=time.time())
        serialized = rows.values_list("value", flat=True).first()
        return default if serialized is None else json.loads(serialized)

    def set(self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> None:
        self._write(SET, self._row(key, value, timeout, version))

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        rows = CachedValue.objects.filter(key=self._key(key, version), expires_at__gt=time.time())
        return rows.update(expires_at=self._expiry(timeout)) == 1

    def delete(self, key: str, version: int | None = None) -> bool:
        return CachedValue.objects.filter(key=self._key(key, version)).delete()[0] == 1

    def clear(self) -> None:
        CachedValue.objects.all().delete()

    def _key(self, key: str, version: int | None) -> str:
        return self.make_and_validate_key(key, version=version)

    def _row(self, key: str, value: Any, timeout: Any, version: int | None) -> list[Any]:
        return [self._key(key, version), json.dumps(value), self._expiry(timeout)]

    def _expiry(self, timeout: Any) -> float:
        if timeout == DEFAULT_TIMEOUT:
            timeout = self.default_timeout
        return NEVER_EXPIRES if timeout is None else time.time() + timeout

    def _write(self, statement: str, values: list[Any]) -> int:
        """Executes the statement, and returns the number of changed rows: 0 or 1."""
        with connection.cursor() as cursor:
            cursor.execute(statement.format(table=connection.ops.quote_name(CachedValue._meta.db_table)), values)
            return int(cursor.rowcount)


def clear_expired(at_most: int = 10_000) -> int:
    """Deletes at most `at_most` expired values, and returns their number."""
    expired = CachedValue.objects.filter(expires_at__lte=time.time()).values("key")[:at_most]
    return CachedValue.objects.filter(key__in=expired).delete()[0]
