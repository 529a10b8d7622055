"""What the fixture can do besides."""

import os
import urllib.request
from datetime import datetime, timedelta, timezone

import pytest
from pytest_poolhouse import Poolhouse, PoolhouseError

SEED = {"Users": {"dora": {"email": "dora@example.com"}}}


def test_sign_in(poolhouse):
    alice, bob, guest = poolhouse.sign_in("alice"), poolhouse.sign_in("bob"), poolhouse.guest()
    assert len({alice.identity_id, bob.identity_id, guest.identity_id}) == 3
    assert poolhouse.sign_in(sub="alice").identity_id == alice.identity_id
    assert alice.credentials.secret_access_key not in repr(alice)
    assert "eyJ" not in repr(alice)
    assert guest.logins == {} and guest.credentials.expiration > datetime.now(timezone.utc)
    assert ":assumed-role/PoolhouseDemoUser/" in poolhouse.client("sts", alice).get_caller_identity()["Arn"]
    assert poolhouse.client("cognito-identity").list_identity_pools(MaxResults=1)["IdentityPools"]


def test_refusals(poolhouse):
    with pytest.raises(PoolhouseError, match="Token expired") as refusal:
        poolhouse.sign_in("alice", expires_in=-600)
    assert (refusal.value.code, refusal.value.status) == ("NotAuthorizedException", 400)
    with pytest.raises(PoolhouseError, match="no such user"):
        poolhouse.token("nobody")
    with pytest.raises(PoolhouseError, match="Incorrect token audience"):
        poolhouse.sign_in("alice", audience="another-app")


def test_the_server_is_in_the_environment(poolhouse):
    for service in ("COGNITO_IDENTITY", "COGNITO_IDENTITY_PROVIDER", "STS", "IAM"):
        assert os.environ["AWS_ENDPOINT_URL_" + service] == poolhouse.endpoint
    assert os.environ["POOLHOUSE_POOL_ID"] == poolhouse.pool_id
    assert os.environ["AWS_REGION"] == poolhouse.region == "us-east-1"


def test_the_developers_own_account_is_not_used(poolhouse):
    import boto3

    pools = boto3.client("cognito-identity").list_identity_pools(MaxResults=1)["IdentityPools"]
    assert [pool["IdentityPoolId"] for pool in pools] == [poolhouse.pool_id]


def test_each_test_begins_anew(poolhouse, poolhouse_server):
    poolhouse.put_user("dora", claims={"email": "dora@example.com"})
    poolhouse.fail("GetId", error="TooManyRequestsException")
    poolhouse.clock.advance(86_400)
    former = poolhouse.clock.now()
    with pytest.raises(PoolhouseError):
        poolhouse.sign_in("dora")

    poolhouse_server.reset()  # as before the next test
    assert poolhouse.calls() == [] and poolhouse.faults() == []
    assert poolhouse.clock.now() < former - timedelta(hours=23)
    with pytest.raises(PoolhouseError, match="no such user"):
        poolhouse.sign_in("dora")
    poolhouse.sign_in("alice")


def test_faults(poolhouse):
    fault = poolhouse.fail("GetId", error="InternalErrorException", after=1)
    poolhouse.guest()
    with pytest.raises(PoolhouseError) as refusal:
        poolhouse.guest()
    assert refusal.value.code == "InternalErrorException"
    assert [f["hits"] for f in poolhouse.faults()] == [1]
    poolhouse.end_fault(fault["id"])
    poolhouse.guest()
    poolhouse.fail("*", error="TooManyRequestsException")
    poolhouse.end_faults()
    poolhouse.guest()


def test_a_provider_is_down(poolhouse):
    poolhouse.fail(provider="*", answer="down")
    assert [f["provider"] for f in poolhouse.faults()] == ["*"]


def test_clock(poolhouse):
    token = poolhouse.logins("alice")
    poolhouse.clock.advance(timedelta(hours=2))
    with pytest.raises(PoolhouseError, match="Token expired"):
        poolhouse._session(None, token)
    past = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    poolhouse.clock.stop()
    poolhouse.clock.set(past)
    assert poolhouse.clock.now() == past
    assert poolhouse.clock.reset() > past


def test_calls(poolhouse):
    poolhouse.guest()
    assert [call["operation"] for call in poolhouse.calls()] == ["GetId", "GetCredentialsForIdentity"]
    first = poolhouse.wait_for_call("GetId", timeout_seconds=1)
    assert first["status"] == 200
    assert [call["id"] for call in poolhouse.calls(after=first["id"], limit=1)] == [first["id"] + 1]
    with pytest.raises(PoolhouseError) as late:
        poolhouse.wait_for_call("ListIdentities", timeout_seconds=1)
    assert late.value.status == 408


def test_explain(poolhouse):
    with pytest.raises(PoolhouseError):
        poolhouse.sign_in("alice", expires_in=-600)
    text = poolhouse.explain()
    assert "GetId 400 NotAuthorizedException" in text and "\n  refused " in text and "; got " in text
    assert text.endswith("\n  reason: token-expiry")


def test_users_and_keys(poolhouse):
    poolhouse.put_user("dora", sub="d-1", claims={"email": "dora@example.com"})
    assert poolhouse.sign_in("dora").identity_id == poolhouse.sign_in(sub="d-1").identity_id
    poolhouse.delete_user("dora")
    assert poolhouse.rotate_key() != poolhouse.rotate_key()
    assert poolhouse.codes() == []


def test_seed(poolhouse, tmp_path):
    poolhouse.seed(SEED)
    poolhouse.sign_in("dora")
    file = tmp_path / "seed.yaml"
    file.write_text("Users:\n  ed: {}\nResources:\n  Second:\n    Type: AWS::Cognito::IdentityPool\n"
                    "    Properties: {IdentityPoolName: second, AllowUnauthenticatedIdentities: true}\n")
    poolhouse.seed(file)
    assert sorted(pool["name"] for pool in poolhouse.pools) == ["PoolhouseDemo", "second"]
    with pytest.raises(LookupError, match="there are 2 pools"):
        poolhouse.pool_id
    poolhouse.sign_in("ed", pool_id=os.environ["POOLHOUSE_POOL_ID"])


def test_empty(poolhouse):
    poolhouse.reset(empty=True)
    assert poolhouse.pools == [] and "POOLHOUSE_POOL_ID" not in poolhouse.environment


def test_saml_response(poolhouse):
    assert poolhouse.saml_response(name_id="alice")["saml_response"]


def test_a_server_of_ones_own(poolhouse, tmp_path, monkeypatch):
    monkeypatch.setenv("POOLHOUSE_LISTEN", "nonsense")  # settings of this machine's user do not count
    with Poolhouse(demo=False) as other:
        assert other.pools == [] and other.endpoint != poolhouse.endpoint
    with pytest.raises(OSError):
        urllib.request.urlopen(other.endpoint, timeout=10)
    with pytest.raises(RuntimeError, match="(?s)did not start.*gone.yaml"):
        Poolhouse(seeds=[tmp_path / "gone.yaml"])


def test_a_server_that_has_ended_says_so():
    with Poolhouse() as server:
        server._process.kill()
        with pytest.raises(RuntimeError, match="poolhouse dev has ended with status -9:\n"):
            server.calls()
