"""Real servers that speak S3, for tests: Moto starts at once and checks little, Ceph's gateway is used in production.

Both give `new_bucket()`: the settings of a bucket of its own, as environment variables.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from tests import polling, servers
from tests.servers import HOST
from tests.support import processes

ACCESS_KEY, SECRET_KEY = "PHOTOACCESS", "photosecretphotosecret"


class S3Server:
    """`start()`, `stop()`, and buckets in between."""

    def __init__(self) -> None:
        self.port = servers.free_port()
        self.url = f"http://{HOST}:{self.port}"
        self._shared: dict[str, str] | None = None
        self._client: Any = None
        self._process: subprocess.Popen[bytes] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What another process of tests needs to know of the server."""
        return self.__dict__ | {"_process": None, "_processes": [], "_client": None, "_shared": None}

    def new_bucket(self) -> dict[str, str]:
        """The environment that names a new bucket."""
        name = f"photos-{uuid.uuid4().hex}"
        self.client().create_bucket(Bucket=name)
        return self.environment(name)

    def new_prefix(self) -> dict[str, str]:
        """The environment of a place of its own in a bucket that all share: quicker, where a bucket takes seconds to make."""
        if self._shared is None:
            self._shared = self.new_bucket()
        return self._shared | {"S3_PREFIX": f"place-{uuid.uuid4().hex}"}

    def environment(self, bucket: str) -> dict[str, str]:
        return {
            "S3_ENDPOINT": self.url,
            "S3_BUCKET": bucket,
            "S3_ACCESS_KEY": ACCESS_KEY,
            "S3_SECRET_KEY": SECRET_KEY,
        }

    def client(self) -> Any:
        """Another client than ours, to look what is really there."""
        if self._client is None:
            self._client = self._new_client()
        return self._client

    def _new_client(self) -> Any:
        return boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name="us-east-1").client(
            "s3",
            endpoint_url=self.url,
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def names(self, bucket: str) -> list[str]:
        """Of the objects in the bucket."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=bucket)
        return sorted(entry["Key"] for page in pages for entry in page.get("Contents", ()))

    def multiparts(self, bucket: str) -> list[str]:
        """Names of what is on its way in parts."""
        return [upload["Key"] for upload in self.client().list_multipart_uploads(Bucket=bucket).get("Uploads", ())]

    def empty(self, bucket: str) -> None:
        """Objects, and what is on its way in parts."""
        client = self.client()
        for name in self.names(bucket):
            client.delete_object(Bucket=bucket, Key=name)
        for upload in client.list_multipart_uploads(Bucket=bucket).get("Uploads", ()):
            client.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])

    def _listens(self) -> bool:
        with socket.create_connection((HOST, self.port), timeout=10):
            return True


class Moto(S3Server):
    """In memory, gone when it stops. Checks no signature: what must be refused is tested on the gateway."""

    def start(self) -> None:
        self._process = processes.start(
            [sys.executable, "-m", "moto.server", "-H", HOST, "-p", str(self.port)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"MOTO_S3_CUSTOM_ENDPOINTS": self.url},
        )
        polling.until(self._listens, servers.START_SECONDS, "moto does not answer")

    def stop(self) -> None:
        processes.kill(self._process)


class Rgw(S3Server):
    """A Ceph of one monitor, one disk in memory and one gateway, all on the loopback."""

    def __init__(self) -> None:
        super().__init__()
        self._monitor, self._monitor_old = servers.free_port(), servers.free_port()
        self._directory = Path(tempfile.mkdtemp(prefix="darkroom-ceph-"))
        self._processes: list[subprocess.Popen[bytes]] = []
        self._keyring = str(self._directory / "keyring")
        self._environment = os.environ | {"CEPH_CONF": str(self._directory / "ceph.conf")}

    def start(self) -> None:
        for room in ("mon", "osd", "log", "run", "rgw"):
            (self._directory / room).mkdir()
        cluster = str(uuid.uuid4())
        (self._directory / "ceph.conf").write_text(self._configuration(cluster))
        self._start_monitor(cluster)
        self._start_disk()
        self._serve("radosgw", "-n", "client.rgw")
        polling.until(self._listens, servers.START_SECONDS, "radosgw does not answer")
        identity = ("--uid=photo", "--display-name=photo", f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}")
        self._run("radosgw-admin", "user", "create", *identity)

    def stop(self) -> None:
        for process in reversed(self._processes):
            processes.kill(process)
        shutil.rmtree(self._directory, ignore_errors=True)

    def _start_monitor(self, cluster: str) -> None:
        address = f"[v2:{HOST}:{self._monitor},v1:{HOST}:{self._monitor_old}]"
        map_ = str(self._directory / "monmap")
        self._run("ceph-authtool", "--create-keyring", self._keyring)
        self._key("mon.", mon="allow *")
        self._key("client.admin", mon="allow *", osd="allow *", mgr="allow *")
        self._key("client.rgw", mon="allow rw", osd="allow rwx")
        self._key("osd.0", mon="allow profile osd", osd="allow *")
        self._run("monmaptool", "--create", "--clobber", "--fsid", cluster, "--addv", "a", address, map_)
        self._run("ceph-mon", "-i", "a", "--mkfs", "--monmap", map_, "--keyring", self._keyring)
        self._serve("ceph-mon", "-i", "a")

    def _start_disk(self) -> None:
        identity = str(uuid.uuid4())
        self._run("ceph", "osd", "new", identity, "0")
        self._run("ceph", "auth", "import", "-i", self._keyring)
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", identity)
        self._serve("ceph-osd", "-i", "0")
        self._run("ceph", "osd", "crush", "add", "osd.0", "1.0", "root=default", f"host={socket.gethostname()}")

    def _key(self, name: str, **may: str) -> None:
        allowed = [word for part, access in may.items() for word in ("--cap", part, access)]
        self._run("ceph-authtool", self._keyring, "--gen-key", "-n", name, *allowed)

    def _run(self, program: str, *arguments: str) -> None:
        """Run a program to its end."""
        process = self._launch(program, *arguments)
        try:
            status = process.wait(servers.START_SECONDS)
        finally:
            processes.kill(process)
        assert status == 0, self._log.read_text(errors="replace")[-2000:]

    def _serve(self, program: str, *arguments: str) -> None:
        """Start a server in the foreground, where it is a child of this process."""
        self._processes.append(self._launch(program, "-f", *arguments))

    def _launch(self, program: str, *arguments: str) -> subprocess.Popen[bytes]:
        executable = shutil.which(program) or f"/usr/sbin/{program}"
        with self._log.open("ab") as log:
            return processes.start(
                [executable, *arguments],
                env=self._environment,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def _log(self) -> Path:
        return self._directory / "log/starting"

    def _configuration(self, cluster: str) -> str:
        directory = self._directory
        return f"""
[global]
fsid = {cluster}
mon_host = [v2:{HOST}:{self._monitor},v1:{HOST}:{self._monitor_old}]
ms_bind_ipv4 = true
public_addr = {HOST}
cluster_addr = {HOST}
auth_cluster_required = cephx
auth_service_required = cephx
auth_client_required = cephx
log_file = {directory}/log/$name.log
admin_socket = {directory}/run/$name.asok
pid_file = {directory}/run/$name.pid
run_dir = {directory}/run
mon_data = {directory}/mon
osd_data = {directory}/osd
mgr_data = {directory}/mgr
keyring = {self._keyring}
osd_objectstore = memstore
memstore_device_bytes = 2147483648
osd_memory_target = 939524096
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_max_object_name_len = 256
osd_max_object_namespace_len = 64
mon_allow_pool_size_one = true
mon_allow_pool_delete = true
mon_warn_on_pool_no_redundancy = false
mon_max_pg_per_osd = 1000
[client.rgw]
rgw_frontends = beast endpoint={HOST}:{self.port}
rgw_data = {directory}/rgw
rgw_enable_apis = s3, admin
rgw_thread_pool_size = 64
"""
