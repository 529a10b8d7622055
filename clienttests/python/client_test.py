"""boto3 against a running Poolhouse; started by go test ./clienttests.

The server's address and names come in POOLHOUSE_INFO (`poolhouse dev info --json`).
"""

import base64
import datetime
import json
import os
import subprocess
import unittest

import boto3
import botocore.exceptions
from botocore import UNSIGNED
from botocore.config import Config

INFO = json.loads(os.environ["POOLHOUSE_INFO"])
ENDPOINT = INFO["endpoint"]
DEVELOPER = "login.my.app"
USER_ROLE = "arn:aws:iam::000000000000:role/User"
GUEST_ROLE = "arn:aws:iam::000000000000:role/Guest"
UNKNOWN = "us-east-1:00000000-0000-4000-8000-000000000000"


def client(service="cognito-identity", **more):
    return boto3.client(service, endpoint_url=ENDPOINT, region_name="us-east-1", **more)


def login_token(subject, *arguments):
    """An ID token of the development issuer."""
    command = ["poolhouse", "dev", "token", "--endpoint", ENDPOINT, "--sub", subject, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def logins(subject, *arguments):
    return {INFO["login_key"]: login_token(subject, *arguments)}


def claims(token):
    payload = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))


ADMIN = client()
PUBLIC = client(config=Config(signature_version=UNSIGNED))

ACCEPTED = set()  # operations that answered with an output


def note(parsed, model, **_):
    if parsed["ResponseMetadata"]["HTTPStatusCode"] == 200:
        ACCEPTED.add(model.name)


for each in (ADMIN, PUBLIC):
    each.meta.events.register("after-call.cognito-identity.*", note)


class Case(unittest.TestCase):
    maxDiff = None

    def pool(self, **more):
        """A pool that takes guests, the development issuer and developer identities, with both roles."""
        parameters = dict(IdentityPoolName="pool", AllowUnauthenticatedIdentities=True, DeveloperProviderName=DEVELOPER,
                          OpenIdConnectProviderARNs=[INFO["oidc_provider_arn"]])
        parameters.update(more)
        pool = ADMIN.create_identity_pool(**parameters)["IdentityPoolId"]
        ADMIN.set_identity_pool_roles(IdentityPoolId=pool, Roles={"authenticated": USER_ROLE, "unauthenticated": GUEST_ROLE})
        return pool

    def answers(self, answer, **want):
        """The members of an answer, and that its metadata is whole."""
        metadata = answer.pop("ResponseMetadata")
        self.assertEqual(metadata["HTTPStatusCode"], 200)
        self.assertRegex(metadata["RequestId"], r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
        self.assertEqual(metadata["RetryAttempts"], 0)
        self.assertEqual(answer, want)

    def refused(self, code, message, call, **parameters):
        with self.assertRaises(botocore.exceptions.ClientError) as caught:
            call(**parameters)
        error = caught.exception.response
        self.assertEqual(error["Error"]["Code"], code)
        if message is not None:
            self.assertEqual(error["Error"]["Message"], message)
        self.assertEqual(error["ResponseMetadata"]["RetryAttempts"], 0)
        self.assertRegex(error["ResponseMetadata"]["RequestId"], r"^[0-9a-f-]{36}$")
        return caught.exception

    def caller(self, credentials):
        """Who holds the vended credentials, by STS."""
        expires = credentials["Expiration"]
        self.assertIsInstance(expires, datetime.datetime)
        left = expires - datetime.datetime.now(datetime.timezone.utc)
        self.assertLess(left, datetime.timedelta(hours=1, seconds=1))
        self.assertGreater(left, datetime.timedelta(minutes=59))
        return self.sts(credentials).get_caller_identity()["Arn"]

    def sts(self, credentials, **change):
        keys = dict(aws_access_key_id=credentials["AccessKeyId"], aws_secret_access_key=credentials["SecretKey"],
                    aws_session_token=credentials["SessionToken"])
        keys.update(change)
        return client("sts", **keys)


class MainFlow(Case):
    def flow(self, public, with_logins, role):
        pool = self.pool()
        identity = public.get_id(IdentityPoolId=pool, Logins=with_logins)["IdentityId"]
        self.assertRegex(identity, r"^us-east-1:[0-9a-f-]{36}$")
        token = public.get_open_id_token(IdentityId=identity, Logins=with_logins)
        self.assertEqual(token["IdentityId"], identity)
        body = claims(token["Token"])
        self.assertEqual((body["sub"], body["aud"], body["iss"], body["exp"] - body["iat"]), (identity, pool, ENDPOINT, 600))
        answer = public.get_credentials_for_identity(IdentityId=identity, Logins=with_logins)
        self.assertEqual(answer["IdentityId"], identity)
        credentials = answer["Credentials"]
        self.assertEqual(self.caller(credentials), f"arn:aws:sts::000000000000:assumed-role/{role}/CognitoIdentityCredentials")

        secret, session = credentials["SecretKey"], credentials["SessionToken"]
        other = "A" if secret[20] != "A" else "B"
        error = self.refused("SignatureDoesNotMatch", None, self.sts(credentials, aws_secret_access_key=secret[:20] + other + secret[21:]).get_caller_identity)
        self.assertEqual(error.response["Error"].get("Type"), "Sender")
        other = "A" if session[99] != "A" else "B"
        self.refused("InvalidClientTokenId", "The security token included in the request is invalid.",
                     self.sts(credentials, aws_session_token=session[:99] + other + session[100:]).get_caller_identity)

    def test_guest_unsigned(self):
        self.flow(PUBLIC, {}, "Guest")

    def test_guest_of_a_client_with_keys(self):
        self.flow(ADMIN, {}, "Guest")

    def test_user_unsigned(self):
        self.flow(PUBLIC, logins("alice"), "User")

    def test_user_of_a_client_with_keys(self):
        self.flow(ADMIN, logins("alice"), "User")

    def test_a_guest_signs_in_and_stays_who_they_are(self):
        pool, alice = self.pool(), logins("alice")
        guest = PUBLIC.get_id(IdentityPoolId=pool)["IdentityId"]
        self.assertEqual(PUBLIC.get_credentials_for_identity(IdentityId=guest, Logins=alice)["IdentityId"], guest)
        self.assertEqual(PUBLIC.get_id(IdentityPoolId=pool, Logins=alice)["IdentityId"], guest)
        error = self.refused("NotAuthorizedException", f"Access to Identity '{guest}' is forbidden.", PUBLIC.get_credentials_for_identity, IdentityId=guest)
        self.assertIsInstance(error, PUBLIC.exceptions.NotAuthorizedException)

    def test_unsigned_client_is_no_administrator(self):
        pool = self.pool()
        for call, parameters in (
            (PUBLIC.describe_identity_pool, dict(IdentityPoolId=pool)),
            (PUBLIC.list_identities, dict(IdentityPoolId=pool, MaxResults=1)),
            (PUBLIC.get_open_id_token_for_developer_identity, dict(IdentityPoolId=pool, Logins={DEVELOPER: "bob"})),
        ):
            self.refused("MissingAuthenticationTokenException", "Missing Authentication Token", call, **parameters)

    def test_forged_keys(self):
        for key, secret, code in (("nobody", "test", "UnrecognizedClientException"), ("test", "guessed", "InvalidSignatureException")):
            stranger = client(aws_access_key_id=key, aws_secret_access_key=secret)
            self.refused(code, None, stranger.list_identity_pools, MaxResults=1)


class Round(Case):
    """All 23 operations through botocore, which parses every output."""

    def test_every_operation(self):
        parameters = dict(
            IdentityPoolName="round", AllowUnauthenticatedIdentities=True, AllowClassicFlow=True, DeveloperProviderName=DEVELOPER,
            SupportedLoginProviders={"graph.facebook.com": "7346241598935552"}, OpenIdConnectProviderARNs=[INFO["oidc_provider_arn"]],
            CognitoIdentityProviders=[dict(ProviderName="cognito-idp.us-east-1.amazonaws.com/us-east-1_AbCdEf123", ClientId="abc123", ServerSideTokenCheck=False)],
            SamlProviderARNs=["arn:aws:iam::000000000000:saml-provider/corp"], IdentityPoolTags={"team": "web"})
        created = ADMIN.create_identity_pool(**parameters)
        pool = created["IdentityPoolId"]
        self.answers(created, IdentityPoolId=pool, **parameters)
        self.answers(ADMIN.describe_identity_pool(IdentityPoolId=pool), IdentityPoolId=pool, **parameters)
        self.assertIn(dict(IdentityPoolId=pool, IdentityPoolName="round"),
                      [p for page in ADMIN.get_paginator("list_identity_pools").paginate(MaxResults=1) for p in page["IdentityPools"]])

        smaller = dict(IdentityPoolId=pool, IdentityPoolName="smaller", AllowUnauthenticatedIdentities=True, OpenIdConnectProviderARNs=[INFO["oidc_provider_arn"]])
        kept = dict(DeveloperProviderName=DEVELOPER, IdentityPoolTags={"team": "web"})
        self.answers(ADMIN.update_identity_pool(**smaller, SupportedLoginProviders={}, CognitoIdentityProviders=[], SamlProviderARNs=[]), **smaller, **kept)
        self.answers(ADMIN.describe_identity_pool(IdentityPoolId=pool), **smaller, **kept)

        roles = {"authenticated": USER_ROLE, "unauthenticated": GUEST_ROLE}
        mappings = {INFO["oidc_provider_arn"]: {"Type": "Rules", "AmbiguousRoleResolution": "AuthenticatedRole", "RulesConfiguration": {
            "Rules": [{"Claim": "dept", "MatchType": "Equals", "Value": "sales", "RoleARN": "arn:aws:iam::000000000000:role/Sales"}]}}}
        self.answers(ADMIN.set_identity_pool_roles(IdentityPoolId=pool, Roles=roles, RoleMappings=mappings))
        self.answers(ADMIN.get_identity_pool_roles(IdentityPoolId=pool), IdentityPoolId=pool, Roles=roles, RoleMappings=mappings)

        tags = dict(IdentityPoolId=pool, IdentityProviderName=INFO["oidc_provider_arn"], UseDefaults=False, PrincipalTags={"department": "dept"})
        self.answers(ADMIN.set_principal_tag_attribute_map(**tags), **tags)
        self.answers(ADMIN.get_principal_tag_attribute_map(IdentityPoolId=pool, IdentityProviderName=INFO["oidc_provider_arn"]), **tags)

        arn = f"arn:aws:cognito-identity:us-east-1:000000000000:identitypool/{pool}"
        self.answers(ADMIN.tag_resource(ResourceArn=arn, Tags={"stage": "test", "team": "app"}))
        self.answers(ADMIN.list_tags_for_resource(ResourceArn=arn), Tags={"stage": "test", "team": "app"})
        self.answers(ADMIN.untag_resource(ResourceArn=arn, TagKeys=["team"]))
        self.answers(ADMIN.list_tags_for_resource(ResourceArn=arn), Tags={"stage": "test"})

        alice = logins("alice", "--claim", "dept=sales")
        identity = PUBLIC.get_id(IdentityPoolId=pool, Logins=alice, AccountId="000000000000")["IdentityId"]
        credentials = PUBLIC.get_credentials_for_identity(IdentityId=identity, Logins=alice)["Credentials"]
        self.assertEqual(self.caller(credentials), "arn:aws:sts::000000000000:assumed-role/Sales/CognitoIdentityCredentials")
        with self.assertRaises(PUBLIC.exceptions.InvalidParameterException):  # the mappings close the classic flow
            PUBLIC.get_open_id_token(IdentityId=identity, Logins=alice)
        ADMIN.set_identity_pool_roles(IdentityPoolId=pool, Roles=roles)
        token = PUBLIC.get_open_id_token(IdentityId=identity, Logins=alice)["Token"]
        self.assertEqual(claims(token)["https://aws.amazon.com/tags"], {"principal_tags": {"department": ["sales"]}})

        described = ADMIN.describe_identity(IdentityId=identity)
        for name in ("CreationDate", "LastModifiedDate"):
            age = datetime.datetime.now(datetime.timezone.utc) - described[name]
            self.assertLess(abs(age), datetime.timedelta(minutes=10), name)
        del described["ResponseMetadata"]
        self.assertEqual(described["Logins"], [INFO["login_key"]])
        self.answers(ADMIN.list_identities(IdentityPoolId=pool, MaxResults=60, HideDisabled=True), IdentityPoolId=pool, Identities=[described])

        self.answers(PUBLIC.unlink_identity(IdentityId=identity, Logins=alice, LoginsToRemove=[INFO["login_key"]]))
        self.assertNotEqual(PUBLIC.get_id(IdentityPoolId=pool, Logins=alice)["IdentityId"], identity)
        self.developers(pool)
        self.answers(ADMIN.delete_identities(IdentityIdsToDelete=[identity, UNKNOWN]), UnprocessedIdentityIds=[])
        self.refused("ResourceNotFoundException", f"Identity '{identity}' not found.", ADMIN.describe_identity, IdentityId=identity)
        self.answers(ADMIN.delete_identity_pool(IdentityPoolId=pool))
        error = self.refused("ResourceNotFoundException", f"IdentityPool '{pool}' not found.", ADMIN.describe_identity_pool, IdentityPoolId=pool)
        self.assertIsInstance(error, ADMIN.exceptions.ResourceNotFoundException)
        self.assertEqual(ACCEPTED, set(ADMIN.meta.service_model.operation_names))
        self.assertEqual(len(ACCEPTED), 23)

    def developers(self, pool):
        def token(user, **more):
            return ADMIN.get_open_id_token_for_developer_identity(IdentityPoolId=pool, Logins={DEVELOPER: user}, **more)

        bob, carol = token("bob", PrincipalTags={"dept": "sales"}, TokenDuration=86400), token("carol")
        body = claims(bob["Token"])
        self.assertEqual(body["exp"] - body["iat"], 86400)
        self.assertEqual(body["amr"], ["authenticated", DEVELOPER, f"{DEVELOPER}:{pool}:bob"])
        self.assertEqual(body["https://aws.amazon.com/tags"], {"principal_tags": {"dept": ["sales"]}})
        answer = PUBLIC.get_credentials_for_identity(IdentityId=bob["IdentityId"], Logins={"cognito-identity.amazonaws.com": bob["Token"]})
        self.assertEqual(self.caller(answer["Credentials"]), "arn:aws:sts::000000000000:assumed-role/User/CognitoIdentityCredentials")
        self.answers(ADMIN.lookup_developer_identity(IdentityPoolId=pool, DeveloperUserIdentifier="bob", MaxResults=10),
                     IdentityId=bob["IdentityId"], DeveloperUserIdentifierList=["bob"])
        self.answers(ADMIN.merge_developer_identities(IdentityPoolId=pool, DeveloperProviderName=DEVELOPER, SourceUserIdentifier="bob",
                                                      DestinationUserIdentifier="carol"), IdentityId=carol["IdentityId"])
        self.answers(ADMIN.unlink_developer_identity(IdentityPoolId=pool, IdentityId=carol["IdentityId"], DeveloperProviderName=DEVELOPER,
                                                     DeveloperUserIdentifier="bob"))
        self.answers(ADMIN.lookup_developer_identity(IdentityPoolId=pool, IdentityId=carol["IdentityId"]),
                     IdentityId=carol["IdentityId"], DeveloperUserIdentifierList=["carol"])
        error = self.refused("DeveloperUserAlreadyRegisteredException", None, token, user="carol", IdentityId=PUBLIC.get_id(IdentityPoolId=pool)["IdentityId"])
        self.assertIsInstance(error, ADMIN.exceptions.DeveloperUserAlreadyRegisteredException)


class Simulations(Case):
    """The policy simulator, with every type of context keys and the paginator."""

    def test_types_and_pages(self):
        values = {"string": "a", "numeric": "5", "boolean": "true", "ip": "10.1.2.3", "binary": "AAEC", "date": "2026-11-23T00:00:00Z"}
        operators = {"string": "StringEquals", "numeric": "NumericEquals", "boolean": "Bool", "ip": "IpAddress",
                     "binary": "BinaryEquals", "date": "DateEquals"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:*", "Resource": "*",
             "Condition": {operators[kind]: {f"my:{kind}": value} for kind, value in values.items()}}]})
        iam = client("iam")
        keys = iam.get_context_keys_for_custom_policy(PolicyInputList=[policy])["ContextKeyNames"]
        self.assertEqual(keys, sorted(f"my:{kind}" for kind in values))
        for suffix in ("", "List"):
            entries = [{"ContextKeyName": f"my:{kind}", "ContextKeyValues": [value], "ContextKeyType": kind + suffix} for kind, value in values.items()]
            pages = iam.get_paginator("simulate_custom_policy").paginate(
                PolicyInputList=[policy], ActionNames=["s3:GetObject", "s3:PutObject", "sqs:SendMessage"], ContextEntries=entries,
                PaginationConfig={"PageSize": 2})
            results = [result for page in pages for result in page["EvaluationResults"]]
            self.assertEqual([result["EvalDecision"] for result in results], ["allowed", "allowed", "implicitDeny"])
            self.assertEqual(results[0]["MatchedStatements"][0]["SourcePolicyId"], "PolicyInputList.1")
        absent = [dict(entry, ContextKeyValues=[]) for entry in entries]
        result = iam.simulate_custom_policy(PolicyInputList=[policy], ActionNames=["s3:GetObject"], ContextEntries=absent)
        self.assertEqual(result["EvaluationResults"][0]["MissingContextValues"], [])
        error = self.refused("NoSuchEntity", None, iam.simulate_principal_policy, ActionNames=["s3:GetObject"],
                             PolicySourceArn="arn:aws:iam::000000000000:role/None")
        self.assertIsInstance(error, iam.exceptions.NoSuchEntityException)


class Refusals(Case):
    """Error classes and texts, as botocore builds them from the answers."""

    def test_model_and_schema(self):
        pool = self.pool()
        for kind, code, message, call, parameters in (
            ("ResourceNotFoundException", "ResourceNotFoundException", f"IdentityPool '{UNKNOWN}' not found.", PUBLIC.get_id, dict(IdentityPoolId=UNKNOWN)),
            ("NotAuthorizedException", "NotAuthorizedException", "Invalid login token. Issuer doesn't match providerName", PUBLIC.get_id,
             dict(IdentityPoolId=pool, Logins={"accounts.google.com": login_token("alice")})),
            ("InvalidParameterException", "InvalidParameterException", "Please provide a valid public provider", PUBLIC.get_id,
             dict(IdentityPoolId=pool, Logins={DEVELOPER: "bob"})),
            ("ClientError", "ValidationException",
             r"2 validation errors detected: Value 'no pool' at 'identityPoolId' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w-]+:[0-9a-f-]+; "
             r"Value 'no/slash' at 'identityPoolName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\w\s+=,.@-]+",
             ADMIN.update_identity_pool, dict(IdentityPoolId="no pool", IdentityPoolName="no/slash", AllowUnauthenticatedIdentities=True)),
        ):
            with self.subTest(code=code):
                error = self.refused(code, message, call, **parameters)
                self.assertEqual(type(error).__name__, kind)
                self.assertEqual(error.response["ResponseMetadata"]["HTTPStatusCode"], 400)

    def test_roles_missing(self):
        pool = ADMIN.create_identity_pool(IdentityPoolName="no roles", AllowUnauthenticatedIdentities=True)["IdentityPoolId"]
        identity = PUBLIC.get_id(IdentityPoolId=pool)["IdentityId"]
        error = self.refused("InvalidIdentityPoolConfigurationException", "Invalid identity pool configuration. Check assigned IAM roles for this pool.",
                             PUBLIC.get_credentials_for_identity, IdentityId=identity)
        self.assertIsInstance(error, PUBLIC.exceptions.InvalidIdentityPoolConfigurationException)

    def test_expired_login(self):
        pool = self.pool()
        error = self.refused("NotAuthorizedException", None, PUBLIC.get_id, IdentityPoolId=pool, Logins=logins("alice", "--expires-in", "-1h"))
        self.assertRegex(str(error), r"Invalid login token\. Token expired: \d+ >= \d+$")


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    if result.skipped or not result.wasSuccessful():
        raise SystemExit(1)
    print(f"{result.testsRun} tests passed")
