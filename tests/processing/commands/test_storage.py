"""What tells whether the bucket works, and makes its rules; on the gateway, which refuses what must be refused."""

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
    """By step, the code of what is wrong."""
    out = io.StringIO()
    code: object = 0
    try:
        call_command("check_storage", "--json", stdout=out)
    except SystemExit as end:
        code = end.code
    assert code == status
    return {step["step"]: step["code"] for step in json.loads(out.getvalue())["steps"]}


def say(command: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out)
    return out.getvalue()


def test_without_a_bucket_there_is_nothing_to_check_or_set_up(settings):
    settings.S3_BUCKET = ""

    assert "photos are stored on the disk" in say("check_storage")
    with pytest.raises(CommandError, match="No bucket is configured"):
        call_command("setup_bucket")


def test_whose_pages_may_send_has_to_be_known(bucket, settings):
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

    def test_all_of_it_works_once_it_is_set_up_and_nothing_stays(self, rgw, bucket, data_dir):
        rgw.client().delete_bucket_cors(Bucket=bucket)
        before = check()
        said = say("setup_bucket")
        after = check()

        assert before == dict.fromkeys(STEPS, "") | {"browsers": "s3-cors"}
        assert said == f"Browsers may upload from {SITE}.\nIncomplete multipart uploads are deleted after 2 days.\n"
        assert after == dict.fromkeys(STEPS, "")
        assert rgw.names(bucket) == []
        assert rgw.multiparts(bucket) == []
        assert [path for path in data_dir.rglob("*") if path.is_file()] == []

    def test_a_browser_is_told_that_it_may_send_from_this_site_and_no_other(self, rgw, bucket):
        say("setup_bucket")
        address = presign.link(s3_config.current(), "incoming/x", 60, rounded=False, response_headers={})

        def preflight(origin: str) -> requests.Response:
            asked = {"Origin": origin, "Access-Control-Request-Method": "PUT"}
            return requests.options(address, headers=asked, timeout=60)

        assert preflight(SITE).headers["Access-Control-Allow-Origin"] == SITE
        assert "PUT" in preflight(SITE).headers["Access-Control-Allow-Methods"]
        assert "Access-Control-Allow-Origin" not in preflight("https://evil.example").headers
        missing = requests.get(address, headers={"Origin": SITE}, timeout=60)
        assert "ETag" in missing.headers["Access-Control-Expose-Headers"]

    def test_rules_of_others_stay_and_ours_are_there_once(self, rgw, bucket):
        theirs = {"ID": "theirs", "AllowedOrigins": ["https://other.example"], "AllowedMethods": ["GET"]}
        rgw.client().put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [theirs]})

        say("setup_bucket")
        say("setup_bucket")

        pages = rgw.client().get_bucket_cors(Bucket=bucket)["CORSRules"]
        assert sorted(rule["ID"] for rule in pages) == ["darkroom-pages", "theirs"]
        (parts,) = rgw.client().get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
        assert parts["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 2}
        assert (parts.get("Filter") or parts)["Prefix"] == "mine/"

    def test_wrong_keys_are_told_and_end_it(self, settings):
        settings.S3_SECRET_KEY = "not the secret"

        assert check(status=1) == {"reach": "s3-credentials"}
        with pytest.raises(CommandError, match="rejects the server's keys"):
            call_command("setup_bucket")

    def test_a_bucket_that_is_not_there_is_told_and_can_be_made(self, settings, rgw):
        settings.S3_BUCKET = "nowhere"
        assert check(status=1) == {"reach": "s3-bucket-missing"}

        assert "Created the bucket nowhere." in say("setup_bucket", "--create")

        assert check() == dict.fromkeys(STEPS, "")
        assert "Created" not in say("setup_bucket", "--create")

    def test_a_server_that_is_not_there_is_told(self, settings):
        settings.S3_ENDPOINT = "http://127.0.0.1:9"

        assert check(status=1) == {"reach": "s3-network"}

    def test_a_bucket_that_everybody_may_read_is_warned_of(self, rgw, bucket):
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
