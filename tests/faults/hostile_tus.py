"""Malicious tus requests and manifests, as raw bytes."""

import base64
import json
import random
from typing import Any

from tests.faults.hostile import NAMES, ODD, Target, request

NUMBERS = ("0", "1", "-1", "10", "999999999999999", "9" * 16, "1e3", "٣", "+1", " 1", "1,2", "0x10", "", "NaN", "\0")
METHODS = ("POST", "PATCH", "HEAD", "DELETE", "OPTIONS", "GET", "PUT", "TRACE", "patch", "X" * 30)


def tus(target: Target, rng: random.Random) -> bytes:
    """A request with any wrong header, method or body, for the creation of uploads, an existing upload, or an unknown one."""
    path = rng.choice(
        (f"/albums/{target.album}/uploads/tus/", target.upload, f"/uploads/{_uuid(rng)}/", "/uploads/1/", "/uploads/")
    )
    head = target.head | {
        "Tus-Resumable": rng.choice(("1.0.0", "1.0.0", "1.0.0", "1.0.0", "0.2.2", "", "9" * 3000)),
        "Content-Type": rng.choice(
            ("application/offset+octet-stream",) * 3 + ("text/plain", "multipart/form-data; boundary=b", "")
        ),
    }
    headers = {
        "Upload-Length": rng.choice(NUMBERS),
        "Upload-Offset": rng.choice(NUMBERS),
        "Upload-Defer-Length": rng.choice(("1", "0", "2", "yes")),
        "Upload-Metadata": _metadata(rng),
        "Upload-Checksum": _checksum(rng),
        "Upload-Concat": rng.choice(("partial", "final;/uploads/1/")),
        "X-HTTP-Method-Override": rng.choice((*METHODS, "\0", "TRACK")),
        "Transfer-Encoding": "chunked",
        "Content-Length": rng.choice((*NUMBERS, "5")),
        "Expect": "100-continue",
    }
    for name in rng.sample(sorted(headers), rng.randrange(1, 6)):
        head[name] = headers[name]
    body = rng.choice((b"", rng.randbytes(5), rng.randbytes(70_000), b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\n", b"--b--"))
    return request(rng.choice(METHODS), path, head, body)


def manifest(target: Target, rng: random.Random) -> bytes:
    """A manifest with invalid entries, or too deep, too wide or cut off."""
    whole = json.dumps({"open": rng.choice((True, False, 1, "no", None)), "files": _files(rng)}).encode()
    body = rng.choice(
        (
            whole,
            whole,
            whole,
            whole[: rng.randrange(len(whole))],
            b"[" * 50_000,
            b'{"files": ' + b"9" * 5000 + b"}",
            b"\xff\xfe" + whole,
            rng.randbytes(300),
        )
    )
    kind = rng.choice(
        ("application/json",) * 4 + ("text/json", "multipart/form-data; boundary=b", "application/json; charset=rot13")
    )
    return request("POST", f"/albums/{target.album}/uploads/manifest/", target.head | {"Content-Type": kind}, body)


def _files(rng: random.Random) -> Any:
    odd_values: tuple[Any, ...] = (*ODD, None, True, -1, 0, 1.5, 2**63, 2**70, 10**400, 1e308, [], {}, [[]])
    entries = [
        {
            "name": rng.choice((*NAMES, *odd_values)),
            "size": rng.choice((1, 5, 10**12, *odd_values)),
            "modified": rng.choice(odd_values),
            "sha256": rng.choice(("0" * 64, "F" * 64, *odd_values)),
            "upload": rng.choice((_uuid(rng), *odd_values)),
        }
        for _ in range(rng.choice((0, 1, 1, 1, 2, 50)))
    ]
    return rng.choice((entries, entries, entries, [rng.choice(odd_values)], rng.choice(odd_values)))


def _metadata(rng: random.Random) -> str:
    name = rng.choice((*NAMES, *ODD)).encode("utf-8", "surrogatepass")
    return rng.choice(
        (
            f"filename {base64.b64encode(name).decode()}",
            "filename",
            "filename !!!",
            "filename Zg==,filename Zg==",
            " , ,",
            "é YQ==",
            "filename " + "Zg" * 3000,
            f"filename {base64.b64encode(rng.randbytes(20)).decode()},x",
        )
    )


def _checksum(rng: random.Random) -> str:
    algorithm = rng.choice(("sha256", "md5", "SHA1", "crc32", "shake_128", "", "sha256 sha256"))
    return f"{algorithm} {rng.choice(('', '====', base64.b64encode(rng.randbytes(32)).decode(), 'é'))}"


def _uuid(rng: random.Random) -> str:
    return str(
        rng.choice(("00000000-0000-0000-0000-000000000000", f"{rng.getrandbits(128):032x}", "g" * 32, "%00" * 16))
    )


KINDS = {"tus": tus, "manifest": manifest}
