"""A Poolhouse for the whole test run, and what tests need of it."""

import json
import subprocess
import time
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config

ROLES = {
    "authenticated": "arn:aws:iam::000000000000:role/User",
    "unauthenticated": "arn:aws:iam::000000000000:role/Guest",
}


class Poolhouse:
    def __init__(self, endpoint):
        self.endpoint = endpoint
        with urllib.request.urlopen(endpoint + "/_poolhouse/dev/info") as answer:
            self.info = json.load(answer)
        self.admin = self.client(
            "cognito-identity", aws_access_key_id=self.info["access_key_id"],
            aws_secret_access_key=self.info["secret_access_key"])
        self.public = self.client("cognito-identity", config=Config(signature_version=UNSIGNED))

    def client(self, service, **more):
        return boto3.client(service, endpoint_url=self.endpoint, region_name=self.info["region"], **more)

    def pool(self, guests=True):
        """Makes a pool that takes the development provider's users."""
        pool = self.admin.create_identity_pool(
            IdentityPoolName="test", AllowUnauthenticatedIdentities=guests,
            OpenIdConnectProviderARNs=[self.info["oidc_provider_arn"]])["IdentityPoolId"]
        self.admin.set_identity_pool_roles(IdentityPoolId=pool, Roles=ROLES)
        return pool

    def logins(self, user, **more):
        """Signs a user in: {"claims": {...}} and {"expires_in": seconds} are possible, too."""
        request = urllib.request.Request(
            self.endpoint + "/_poolhouse/dev/token", json.dumps({"sub": user, **more}).encode(),
            {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return {self.info["login_key"]: json.load(answer)["token"]}


@pytest.fixture(scope="session")
def poolhouse(tmp_path_factory):
    folder = tmp_path_factory.mktemp("poolhouse")
    log, ready = folder / "log", folder / "ready.json"
    with open(log, "w") as out:
        server = subprocess.Popen(
            ["poolhouse", "dev", "--memory", "--listen", "127.0.0.1:0", "--ready-file", ready],
            stdout=out, stderr=subprocess.STDOUT)
    try:
        yield Poolhouse(wait_for_endpoint(server, ready, log))
    finally:
        server.terminate()
        server.wait(timeout=10)
        print(log.read_text())  # pytest shows it if the last test fails; it explains each refusal


def wait_for_endpoint(server, ready, log):
    for _ in range(300):
        if ready.exists():
            return json.loads(ready.read_text())["endpoint"]
        if server.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("poolhouse dev did not start:\n" + log.read_text())
