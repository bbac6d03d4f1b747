"""manage.py check_storage and setup_bucket. Tests with Ceph's gateway, which rejects invalid requests as it should."""

import io
import json

import pytest
import requests
from django.core.management import CommandError, call_command

from processing.storage.s3 import config as s3_config
from processing.storage.s3 import presign

SITE = "https://photos.example.org"
STEPS = ["reach", "write", "read", "list", "copy", "link", "parts", "browsers", "delete"]


def check(*, status: int = 0) -> dict[str, str]:
    """Returns the error code of each step, "" for success."""
    out = io.StringIO()
    code: object = 0
    try:
        call_command("check_storage", "--json", stdout=out)
    except SystemExit as end:
        code = end.code
    assert code == status
    return {step["step"]: step["code"] for step in json.loads(out.getvalue())["steps"]}


def output_of(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_without_a_bucket_no_bucket_is_checked_or_set_up(settings):
    settings.S3_BUCKET = ""

    assert "photos are stored on the disk" in output_of("check_storage")
    with pytest.raises(CommandError, match="No bucket is configured"):
        call_command("setup_bucket")


def test_setup_bucket_requires_the_public_url(bucket, settings):
    settings.PUBLIC_URL = ""

    with pytest.raises(CommandError, match="PUBLIC_URL"):
        call_command("setup_bucket")


@pytest.fixture(scope="module")
def environment(rgw):
    return rgw.new_bucket()


@pytest.mark.servers
class TestOnTheGateway:
    @pytest.fixture(autouse=True)
    def bucket(self, environment, settings):
        settings.PUBLIC_URL = SITE
        settings.S3_PREFIX = "mine"
        for name, value in environment.items():
            setattr(settings, name, value)
        return environment["S3_BUCKET"]

    def test_all_steps_succeed_after_the_setup_and_leave_no_object(self, rgw, bucket, data_dir):
        rgw.client().delete_bucket_cors(Bucket=bucket)
        before = check()
        output = output_of("setup_bucket")
        after = check()

        assert before == dict.fromkeys(STEPS, "") | {"browsers": "s3-cors"}
        assert output == f"Browsers may upload from {SITE}.\nIncomplete multipart uploads are deleted after 2 days.\n"
        assert after == dict.fromkeys(STEPS, "")
        assert rgw.names(bucket) == []
        assert rgw.multiparts(bucket) == []
        assert [path for path in data_dir.rglob("*") if path.is_file()] == []

    def test_browsers_may_upload_from_this_site_and_from_no_other(self, rgw, bucket):
        output_of("setup_bucket")
        address = presign.link(s3_config.current(), "incoming/x", 60, rounded=False, response_headers={})

        def preflight(origin: str) -> requests.Response:
            headers = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            return requests.options(address, headers=headers, timeout=60)

        assert preflight(SITE).headers["Access-Control-Allow-Origin"] == SITE
        assert "PUT" in preflight(SITE).headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Origin" not in preflight("https://evil.example").headers
        missing = requests.get(address, headers={"Origin": SITE}, timeout=60)
        assert "ETag" in missing.headers["Access-Control-Expose-Headers"]

    def test_a_repeated_setup_keeps_other_rules_and_adds_its_own_only_once(self, rgw, bucket):
        other_rule = {"ID": "theirs", "AllowedOrigins": ["https://other.example"], "AllowedMethods": ["GET"]}
        rgw.client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [other_rule]})

        output_of("setup_bucket")
        output_of("setup_bucket")

        rules = rgw.client().get_bucket_cors(Bucket=bucket)["CORSRules"]
        assert sorted(rule["ID"] for rule in rules) == ["darkroom-pages", "theirs"]
        (lifecycle_rule,) = rgw.client().get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert lifecycle_rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
        assert (lifecycle_rule.get("Filter") or lifecycle_rule)["Prefix"] == "mine/"

    def test_wrong_access_keys_are_reported_and_end_the_commands(self, settings):
        settings.S3_SECRET_KEY = "not the secret"

        assert check(status=1) == {"reach": "s3-credentials"}
        with pytest.raises(CommandError, match="rejects the server's keys"):
            call_command("setup_bucket")

    def test_a_missing_bucket_is_reported_and_can_be_created(self, settings, rgw):
        settings.S3_BUCKET = "nowhere"
        assert check(status=1) == {"reach": "s3-bucket-missing"}

        assert "Created the bucket nowhere." in output_of("setup_bucket", "--create")

        assert check() == dict.fromkeys(STEPS, "")
        assert "Created" not in output_of("setup_bucket", "--create")

    def test_an_unreachable_server_is_reported(self, settings):
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert check(status=1) == {"reach": "s3-network"}

    def test_a_publicly_readable_bucket_is_reported(self, rgw, bucket):
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
            ],
        }
        rgw.client().put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
        try:
            assert check()["link"] == "s3-public"
        finally:
            rgw.client().delete_bucket_policy(Bucket=bucket)
