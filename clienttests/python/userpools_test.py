"""boto3 against user pools of a running `poolhouse dev`; started by go test ./clienttests.

The server gives the same code for everything, POOLHOUSE_CODE.
"""

import base64
import hashlib
import hmac
import os
import re
import unittest

from botocore import UNSIGNED
from botocore.config import Config

from client_test import ENDPOINT, PUBLIC, USER_ROLE, Case, claims, client
from client_test import ADMIN as IDENTITIES

CODE = os.environ["POOLHOUSE_CODE"]
PASSWORD, OTHER = "Secret-123", "Other-456"
ASSUMED = "arn:aws:sts::000000000000:assumed-role/{}/CognitoIdentityCredentials"
FLOWS = [f"ALLOW_{each}_AUTH" for each in ("USER_SRP", "USER_PASSWORD", "ADMIN_USER_PASSWORD", "REFRESH_TOKEN")]

ADMIN = client("cognito-idp")
APP = client("cognito-idp", config=Config(signature_version=UNSIGNED))

CALLED = set()  # operations that answered with an output


def note(parsed, model, **_):
    if parsed["ResponseMetadata"]["HTTPStatusCode"] == 200:
        CALLED.add(model.name)


for each in (ADMIN, APP):
    each.meta.events.register("after-call.cognito-identity-provider.*", note)


def attributes(**given):
    return [dict(Name=name.replace("custom_", "custom:"), Value=value) for name, value in given.items()]


def plain(attribute_list):
    return {each["Name"]: each["Value"] for each in attribute_list}


class PoolCase(Case):
    def setUp(self):
        self.id = ADMIN.create_user_pool(
            PoolName="users", UsernameAttributes=["email"], AutoVerifiedAttributes=["email"],
            Schema=[dict(Name="plan", AttributeDataType="String", Mutable=True)])["UserPool"]["Id"]
        self.app = self.client()["ClientId"]

    def tearDown(self):
        ADMIN.delete_user_pool(UserPoolId=self.id)

    def client(self, **more):
        parameters = dict(UserPoolId=self.id, ClientName="app", ExplicitAuthFlows=FLOWS)
        parameters.update(more)
        return ADMIN.create_user_pool_client(**parameters)["UserPoolClient"]

    def user(self, name, **given):
        """A confirmed user; returns the subject."""
        ADMIN.admin_create_user(UserPoolId=self.id, Username=name, MessageAction="SUPPRESS",
                                UserAttributes=attributes(email=name, email_verified="true", **given))
        ADMIN.admin_set_user_password(UserPoolId=self.id, Username=name, Password=PASSWORD, Permanent=True)
        return plain(ADMIN.admin_get_user(UserPoolId=self.id, Username=name)["UserAttributes"])["sub"]

    def start(self, name, password=PASSWORD, app=None):
        return APP.initiate_auth(ClientId=app or self.app, AuthFlow="USER_PASSWORD_AUTH",
                                 AuthParameters={"USERNAME": name, "PASSWORD": password})

    def sign_in(self, name, password=PASSWORD, app=None):
        return self.start(name, password, app)["AuthenticationResult"]

    def error(self, code, call, **parameters):
        """A refusal of an operation's own error, which botocore makes a class of."""
        caught = self.refused(code, None, call, **parameters)
        self.assertEqual(type(caught).__name__, code)
        self.assertEqual(caught.response["ResponseMetadata"]["HTTPStatusCode"], 400)
        return caught.response["Error"]["Message"]


class Pools(PoolCase):
    def test_life_of_a_pool(self):
        given = dict(
            Policies={"PasswordPolicy": dict(
                MinimumLength=10, RequireUppercase=False, RequireLowercase=True, RequireNumbers=True,
                RequireSymbols=False, TemporaryPasswordValidityDays=3)},
            AutoVerifiedAttributes=["email"], UsernameAttributes=["email"], DeletionProtection="ACTIVE",
            UsernameConfiguration={"CaseSensitive": False}, EmailVerificationSubject="Your code",
            AccountRecoverySetting={"RecoveryMechanisms": [dict(Priority=1, Name="verified_email")]})
        given.update(UserPoolTags={"team": "web"}, MfaConfiguration="OFF")
        pool = ADMIN.create_user_pool(PoolName="life", **given)["UserPool"]
        where = dict(UserPoolId=pool["Id"])
        self.assertRegex(pool["Id"], r"^us-east-1_[0-9A-Za-z]{9}$")
        self.assertEqual(pool["Arn"], f"arn:aws:cognito-idp:us-east-1:000000000000:userpool/{pool['Id']}")
        described = ADMIN.describe_user_pool(**where)["UserPool"]
        self.assertEqual(described, pool)
        given["Policies"]["SignInPolicy"] = {"AllowedFirstAuthFactors": ["PASSWORD"]}
        for name, value in dict(given, Name="life", EstimatedNumberOfUsers=0).items():
            self.assertEqual(described[name], value, name)
        names = {each["Name"] for each in described["SchemaAttributes"]}
        self.assertTrue({"sub", "email", "phone_number", "name"} <= names)

        pages = ADMIN.get_paginator("list_user_pools").paginate(MaxResults=1)
        self.assertTrue({pool["Id"], self.id} <= {each["Id"] for page in pages for each in page["UserPools"]})
        added = [dict(Name="size", AttributeDataType="Number", Mutable=True)]
        ADMIN.add_custom_attributes(**where, CustomAttributes=added)
        ADMIN.tag_resource(ResourceArn=pool["Arn"], Tags={"stage": "test"})
        ADMIN.untag_resource(ResourceArn=pool["Arn"], TagKeys=["team"])
        self.assertEqual(ADMIN.list_tags_for_resource(ResourceArn=pool["Arn"])["Tags"], {"stage": "test"})
        self.assertEqual(ADMIN.set_user_pool_mfa_config(**where, MfaConfiguration="OFF")["MfaConfiguration"], "OFF")
        self.assertEqual(ADMIN.get_user_pool_mfa_config(**where)["MfaConfiguration"], "OFF")

        self.error("InvalidParameterException", ADMIN.delete_user_pool, **where)
        ADMIN.update_user_pool(**where, DeletionProtection="INACTIVE", AutoVerifiedAttributes=["email"])
        updated = ADMIN.describe_user_pool(**where)["UserPool"]
        self.assertEqual((updated["Name"], updated["UserPoolTags"]), ("life", {"stage": "test"}))
        self.assertIn("custom:size", {each["Name"] for each in updated["SchemaAttributes"]})
        # A parameter that an update lacks has its default again.
        self.assertEqual(updated["Policies"]["PasswordPolicy"]["MinimumLength"], 8)
        ADMIN.delete_user_pool(**where)
        self.assertEqual(self.error("ResourceNotFoundException", ADMIN.describe_user_pool, **where),
                         f"User pool {pool['Id']} does not exist.")

    def test_life_of_a_client(self):
        given = dict(ClientName="web", RefreshTokenValidity=2, AccessTokenValidity=30, IdTokenValidity=20,
                     TokenValidityUnits=dict(AccessToken="minutes", IdToken="minutes", RefreshToken="days"),
                     ExplicitAuthFlows=FLOWS, PreventUserExistenceErrors="ENABLED", EnableTokenRevocation=True,
                     ReadAttributes=["email", "custom:plan"], WriteAttributes=["email"], AuthSessionValidity=5)
        made = self.client(GenerateSecret=True, **given)
        where = dict(UserPoolId=self.id, ClientId=made["ClientId"])
        self.assertRegex(made["ClientId"], r"^[0-9a-z]{25,26}$")
        self.assertGreater(len(made["ClientSecret"]), 40)
        described = ADMIN.describe_user_pool_client(**where)["UserPoolClient"]
        self.assertEqual(described, made)
        for name, value in given.items():
            compare = self.assertCountEqual if isinstance(value, list) else self.assertEqual
            compare(described[name], value, name)

        pages = ADMIN.get_paginator("list_user_pool_clients").paginate(UserPoolId=self.id, MaxResults=1)
        self.assertCountEqual([each["ClientId"] for page in pages for each in page["UserPoolClients"]],
                              [made["ClientId"], self.app])
        changed = ADMIN.update_user_pool_client(**where, ClientName="web 2", ExplicitAuthFlows=FLOWS)["UserPoolClient"]
        self.assertEqual((changed["ClientName"], changed["RefreshTokenValidity"], changed["ClientSecret"]),
                         ("web 2", 30, made["ClientSecret"]))

        self.user("ann@example.com")
        keyed = "ann@example.com" + made["ClientId"]
        hashed = base64.b64encode(hmac.digest(made["ClientSecret"].encode(), keyed.encode(), hashlib.sha256)).decode()
        parameters = {"USERNAME": "ann@example.com", "PASSWORD": PASSWORD}
        self.error("NotAuthorizedException", self.sign_in, name="ann@example.com", app=made["ClientId"])
        answer = APP.initiate_auth(ClientId=made["ClientId"], AuthFlow="USER_PASSWORD_AUTH",
                                   AuthParameters=dict(parameters, SECRET_HASH=hashed))["AuthenticationResult"]
        self.assertEqual(claims(answer["IdToken"])["aud"], made["ClientId"])
        refreshed = APP.get_tokens_from_refresh_token(ClientId=made["ClientId"], ClientSecret=made["ClientSecret"],
                                                      RefreshToken=answer["RefreshToken"])
        self.assertIn("AccessToken", refreshed["AuthenticationResult"])

        ADMIN.delete_user_pool_client(**where)
        self.error("ResourceNotFoundException", ADMIN.describe_user_pool_client, **where)

    def test_life_of_a_group(self):
        where = dict(UserPoolId=self.id, GroupName="editors")
        given = dict(where, Precedence=2, Description="they edit", RoleArn=USER_ROLE)
        made = ADMIN.create_group(**given)["Group"]
        self.assertEqual({name: made[name] for name in given}, given)
        self.error("GroupExistsException", ADMIN.create_group, **where)
        self.assertEqual(ADMIN.get_group(**where)["Group"], made)
        ADMIN.update_group(**where, Precedence=1)
        self.assertEqual(ADMIN.get_group(**where)["Group"]["Precedence"], 1)
        ADMIN.create_group(UserPoolId=self.id, GroupName="readers")
        pages = ADMIN.get_paginator("list_groups").paginate(UserPoolId=self.id, PaginationConfig=dict(PageSize=1))
        self.assertEqual([each["GroupName"] for page in pages for each in page["Groups"]], ["editors", "readers"])

        names = ["ann@example.com", "bob@example.com"]
        for name in names:
            self.user(name)
            ADMIN.admin_add_user_to_group(**where, Username=name)
        pages = ADMIN.get_paginator("list_users_in_group").paginate(**where, PaginationConfig=dict(PageSize=1))
        self.assertCountEqual([plain(each["Attributes"])["email"] for page in pages for each in page["Users"]], names)
        ann = dict(UserPoolId=self.id, Username=names[0])
        self.assertEqual([each["GroupName"] for each in ADMIN.admin_list_groups_for_user(**ann)["Groups"]], ["editors"])

        token = claims(self.sign_in(names[0])["IdToken"])
        self.assertEqual((token["cognito:groups"], token.get("cognito:roles")), (["editors"], [USER_ROLE]))
        ADMIN.admin_remove_user_from_group(**where, Username=names[0])
        self.assertNotIn("cognito:groups", claims(self.sign_in(names[0])["IdToken"]))
        ADMIN.delete_group(**where)
        self.error("ResourceNotFoundException", ADMIN.get_group, **where)
        self.error("UserNotFoundException", ADMIN.admin_add_user_to_group, UserPoolId=self.id, GroupName="readers",
                   Username="nobody@example.com")

    def test_what_is_not_simulated(self):
        for change in (dict(MfaConfiguration="ON"), dict(DeviceConfiguration={"ChallengeRequiredOnNewDevice": True}),
                       dict(LambdaConfig={"PreSignUp": "arn:aws:lambda:us-east-1:000000000000:function:f"})):
            message = self.error("InvalidParameterException", ADMIN.create_user_pool, PoolName="no", **change)
            self.assertIn("not simulate", message)
        for call, parameters in ((ADMIN.create_user_pool_domain, dict(Domain="login")),
                                 (ADMIN.create_resource_server, dict(Identifier="api", Name="api"))):
            message = self.error("InvalidParameterException", call, UserPoolId=self.id, **parameters)
            self.assertIn("not simulate", message)


class Users(PoolCase):
    def test_sign_up_to_deletion(self):
        name = "Ann@example.com"
        who = dict(ClientId=self.app, Username=name)
        self.error("InvalidPasswordException", APP.sign_up, **who, Password="short")
        self.error("InvalidParameterException", APP.sign_up, ClientId=self.app, Username="ann", Password=PASSWORD)
        answer = APP.sign_up(**who, Password=PASSWORD, UserAttributes=attributes(custom_plan="free"),
                             ValidationData=[], ClientMetadata={}, UserContextData={"EncodedData": "x"})
        self.assertEqual(answer["CodeDeliveryDetails"],
                         dict(Destination="A***@e***", DeliveryMedium="EMAIL", AttributeName="email"))
        self.assertFalse(answer["UserConfirmed"])
        self.error("UsernameExistsException", APP.sign_up, **who, Password=PASSWORD)
        self.error("UserNotConfirmedException", self.sign_in, name=name)
        APP.resend_confirmation_code(**who)
        wrong = "000000" if CODE != "000000" else "111111"
        self.error("CodeMismatchException", APP.confirm_sign_up, **who, ConfirmationCode=wrong)
        APP.confirm_sign_up(**who, ConfirmationCode=CODE)
        self.error("NotAuthorizedException", APP.confirm_sign_up, **who, ConfirmationCode=CODE)

        tokens = self.sign_in(name)
        self.assertEqual((tokens["TokenType"], tokens["ExpiresIn"]), ("Bearer", 3600))
        got, access = claims(tokens["IdToken"]), claims(tokens["AccessToken"])
        want = {"iss": f"{ENDPOINT}/{self.id}", "aud": self.app, "token_use": "id", "sub": answer["UserSub"],
                "cognito:username": answer["UserSub"], "email_verified": True, "custom:plan": "free"}
        self.assertEqual({claim: got[claim] for claim in want}, want)
        self.assertEqual((access["client_id"], access["token_use"], access["username"], access["scope"]),
                         (self.app, "access", answer["UserSub"], "aws.cognito.signin.user.admin"))
        self.assertNotIn("aud", access)

        me = dict(AccessToken=tokens["AccessToken"])
        APP.update_user_attributes(**me, UserAttributes=attributes(name="Ann", custom_plan="paid"))
        user = APP.get_user(**me)
        self.assertEqual(user["Username"], answer["UserSub"])
        self.assertEqual(plain(user["UserAttributes"]), {
            "sub": answer["UserSub"], "email": name, "email_verified": "true", "name": "Ann", "custom:plan": "paid"})
        APP.delete_user_attributes(**me, UserAttributeNames=["name"])
        self.assertNotIn("name", plain(APP.get_user(**me)["UserAttributes"]))
        APP.update_user_attributes(**me, UserAttributes=attributes(email="new@example.com"))
        details = APP.get_user_attribute_verification_code(**me, AttributeName="email")["CodeDeliveryDetails"]
        self.assertEqual(details["Destination"], "n***@e***")
        self.error("CodeMismatchException", APP.verify_user_attribute, **me, AttributeName="email", Code=wrong)
        APP.verify_user_attribute(**me, AttributeName="email", Code=CODE)
        self.assertEqual(plain(APP.get_user(**me)["UserAttributes"])["email_verified"], "true")
        self.error("NotAuthorizedException", APP.change_password, **me, PreviousPassword=OTHER, ProposedPassword=OTHER)
        APP.change_password(**me, PreviousPassword=PASSWORD, ProposedPassword=OTHER)
        self.assertEqual(APP.list_devices(**me)["Devices"], [])
        self.assertIn("IdToken", self.sign_in("new@example.com", OTHER))
        self.error("NotAuthorizedException", self.sign_in, name="new@example.com")
        APP.delete_user(**me)
        self.error("UserNotFoundException", ADMIN.admin_get_user, UserPoolId=self.id, Username=answer["UserSub"])
        self.error("NotAuthorizedException", APP.get_user, AccessToken="not.a.token")

    def test_refresh_and_sign_out(self):
        self.user("ann@example.com")
        tokens = self.sign_in("ann@example.com")
        by_flow = dict(ClientId=self.app, AuthFlow="REFRESH_TOKEN_AUTH",
                       AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]})
        for answer in (APP.initiate_auth(**by_flow),
                       APP.get_tokens_from_refresh_token(ClientId=self.app, RefreshToken=tokens["RefreshToken"])):
            fresh = answer["AuthenticationResult"]
            self.assertNotIn("RefreshToken", fresh)
            for member in ("origin_jti", "auth_time", "sub"):
                self.assertEqual(claims(fresh["IdToken"])[member], claims(tokens["IdToken"])[member])
            self.assertNotEqual(claims(fresh["IdToken"])["jti"], claims(tokens["IdToken"])["jti"])

        # A revoked refresh token ends its own sign-in, and no other.
        other = self.sign_in("ann@example.com")
        APP.revoke_token(ClientId=self.app, Token=tokens["RefreshToken"])
        self.error("NotAuthorizedException", APP.initiate_auth, **by_flow)
        self.error("NotAuthorizedException", APP.get_user, AccessToken=tokens["AccessToken"])
        self.assertIn("Username", APP.get_user(AccessToken=other["AccessToken"]))
        self.error("UnsupportedTokenTypeException", APP.revoke_token, ClientId=self.app, Token=other["AccessToken"])
        APP.global_sign_out(AccessToken=other["AccessToken"])
        self.assertEqual(self.error("NotAuthorizedException", APP.get_user, AccessToken=other["AccessToken"]),
                         "Access Token has been revoked")
        self.error("NotAuthorizedException", APP.get_tokens_from_refresh_token, ClientId=self.app,
                   RefreshToken=other["RefreshToken"])
        rotating = self.client(ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH"],
                               RefreshTokenRotation=dict(Feature="ENABLED", RetryGracePeriodSeconds=0))["ClientId"]
        first = self.sign_in("ann@example.com", app=rotating)["RefreshToken"]
        answer = APP.get_tokens_from_refresh_token(ClientId=rotating, RefreshToken=first)["AuthenticationResult"]
        self.assertNotEqual(answer["RefreshToken"], first)
        self.error("RefreshTokenReuseException", APP.get_tokens_from_refresh_token, ClientId=rotating,
                   RefreshToken=first)

    def test_forgotten_password(self):
        who = dict(ClientId=self.app, Username="ann@example.com")
        self.user("ann@example.com")
        self.assertEqual(APP.forgot_password(**who)["CodeDeliveryDetails"]["AttributeName"], "email")
        self.assertIn("IdToken", self.sign_in("ann@example.com"))  # the old password works until there is another
        who["ConfirmationCode"] = CODE
        self.error("InvalidPasswordException", APP.confirm_forgot_password, **who, Password="simple")
        APP.confirm_forgot_password(**who, Password=OTHER)
        self.error("NotAuthorizedException", self.sign_in, name="ann@example.com")
        self.assertIn("IdToken", self.sign_in("ann@example.com", OTHER))
        self.error("ExpiredCodeException", APP.confirm_forgot_password, **who, Password=OTHER)

    def test_who_is_unknown(self):
        """PreventUserExistenceErrors is LEGACY unless the client says otherwise (API reference)."""
        secretive = self.client(PreventUserExistenceErrors="ENABLED")["ClientId"]
        message = self.error("UserNotFoundException", self.sign_in, name="nobody@example.com")
        self.assertEqual(message, "User does not exist.")
        message = self.error("NotAuthorizedException", self.sign_in, name="nobody@example.com", app=secretive)
        self.assertEqual(message, "Incorrect username or password.")
        self.error("UserNotFoundException", APP.forgot_password, ClientId=self.app, Username="nobody@example.com")
        self.assertIn("CodeDeliveryDetails", APP.forgot_password(ClientId=secretive, Username="nobody@example.com"))
        self.error("ResourceNotFoundException", self.sign_in, name="nobody@example.com", app="unknown")

    def test_administrators(self):
        name = "ann@example.com"
        who = dict(UserPoolId=self.id, Username=name)
        made = ADMIN.admin_create_user(**who, TemporaryPassword="Temporary-1", MessageAction="SUPPRESS",
                                       UserAttributes=attributes(email=name, email_verified="true"))["User"]
        self.assertEqual((made["UserStatus"], made["Enabled"]), ("FORCE_CHANGE_PASSWORD", True))
        self.error("UsernameExistsException", ADMIN.admin_create_user, **who)
        answer = self.start(name, "Temporary-1")
        self.assertEqual(answer["ChallengeName"], "NEW_PASSWORD_REQUIRED")
        respond = dict(ClientId=self.app, ChallengeName="NEW_PASSWORD_REQUIRED")
        done = APP.respond_to_auth_challenge(**respond, Session=answer["Session"],
                                             ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": PASSWORD})
        self.assertIn("RefreshToken", done["AuthenticationResult"])
        self.assertEqual(ADMIN.admin_get_user(**who)["UserStatus"], "CONFIRMED")

        ADMIN.admin_set_user_password(**who, Password="Temporary-2", Permanent=False)
        start = dict(UserPoolId=self.id, ClientId=self.app, AuthFlow="ADMIN_USER_PASSWORD_AUTH")
        answer = ADMIN.admin_initiate_auth(**start, AuthParameters={"USERNAME": name, "PASSWORD": "Temporary-2"})
        done = ADMIN.admin_respond_to_auth_challenge(**respond, UserPoolId=self.id, Session=answer["Session"],
                                                     ChallengeResponses={"USERNAME": name, "NEW_PASSWORD": PASSWORD})
        self.assertIn("RefreshToken", done["AuthenticationResult"])

        ADMIN.admin_update_user_attributes(**who, UserAttributes=attributes(given_name="Ann", custom_plan="free"))
        self.assertEqual(plain(ADMIN.admin_get_user(**who)["UserAttributes"])["given_name"], "Ann")
        ADMIN.admin_delete_user_attributes(**who, UserAttributeNames=["given_name"])
        self.assertNotIn("given_name", plain(ADMIN.admin_get_user(**who)["UserAttributes"]))
        self.error("InvalidParameterException", ADMIN.admin_update_user_attributes, **who,
                   UserAttributes=attributes(custom_unknown="x"))

        tokens = self.sign_in(name)
        ADMIN.admin_user_global_sign_out(**who)
        self.error("NotAuthorizedException", APP.get_user, AccessToken=tokens["AccessToken"])
        ADMIN.admin_disable_user(**who)
        self.assertFalse(ADMIN.admin_get_user(**who)["Enabled"])
        self.assertEqual(self.error("NotAuthorizedException", self.sign_in, name=name), "User is disabled.")
        ADMIN.admin_enable_user(**who)
        self.assertIn("IdToken", self.sign_in(name))

        ADMIN.admin_reset_user_password(**who)
        self.error("PasswordResetRequiredException", self.sign_in, name=name)
        APP.confirm_forgot_password(ClientId=self.app, Username=name, ConfirmationCode=CODE, Password=OTHER)
        self.assertIn("IdToken", self.sign_in(name, OTHER))
        APP.sign_up(ClientId=self.app, Username="bob@example.com", Password=PASSWORD)
        ADMIN.admin_confirm_sign_up(UserPoolId=self.id, Username="bob@example.com")
        self.assertIn("IdToken", self.sign_in("bob@example.com"))
        ADMIN.admin_delete_user(**who)
        self.error("UserNotFoundException", ADMIN.admin_delete_user, **who)

    def test_list_users(self):
        names = [f"user{n}@example.com" for n in range(5)]
        subjects = {name: self.user(name, given_name="Ann" if name < "user2" else "Bob") for name in names}
        ADMIN.admin_disable_user(UserPoolId=self.id, Username=names[4])

        def found(**more):
            pages = ADMIN.get_paginator("list_users").paginate(
                UserPoolId=self.id, PaginationConfig=dict(PageSize=2), **more)
            return [plain(each["Attributes"]).get("email") for page in pages for each in page["Users"]]

        self.assertCountEqual(found(), names)
        for text, want in (
            ('email = "user1@example.com"', names[1:2]), ('email ^= "user"', names), ('given_name = "Ann"', names[:2]),
            ('given_name ^= "B"', names[2:]), ('given_name = "B"', []), (f'sub = "{subjects[names[3]]}"', names[3:4]),
            ('cognito:user_status = "CONFIRMED"', names), ('status = "Disabled"', names[4:]),
            ('"status"="Enabled"', names[:4]),
            (f'username = "{subjects[names[2]]}"', names[2:3]), ('email = "nobody@example.com"', []),
        ):
            with self.subTest(filter=text):
                self.assertCountEqual(found(Filter=text), want)
        only = ADMIN.list_users(UserPoolId=self.id, AttributesToGet=["email"], Limit=1)["Users"][0]
        self.assertEqual([each["Name"] for each in only["Attributes"]], ["email"])
        for text in ('custom:plan = "free"', "email", 'email = user'):
            self.error("InvalidParameterException", ADMIN.list_users, UserPoolId=self.id, Filter=text)


class Credentials(PoolCase):
    def test_credentials_under_both_names(self):
        subject = self.user("ann@example.com")
        host = ENDPOINT.removeprefix("http://")
        at_aws, here = f"cognito-idp.us-east-1.amazonaws.com/{self.id}", f"{host}/{self.id}"
        provider = dict(ProviderName=at_aws, ClientId=self.app, ServerSideTokenCheck=True)
        pool = IDENTITIES.create_identity_pool(
            IdentityPoolName="users", AllowUnauthenticatedIdentities=False,
            CognitoIdentityProviders=[provider])["IdentityPoolId"]
        IDENTITIES.set_identity_pool_roles(IdentityPoolId=pool, Roles={"authenticated": USER_ROLE})
        tokens = self.sign_in("ann@example.com")
        ids = set()
        for name in (at_aws, here):
            logins = {name: tokens["IdToken"]}
            ids.add(PUBLIC.get_id(IdentityPoolId=pool, Logins=logins)["IdentityId"])
            identity = min(ids)
            vended = PUBLIC.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
            self.assertEqual(self.caller(vended), ASSUMED.format("User"))
            self.refused("NotAuthorizedException", None, PUBLIC.get_id, IdentityPoolId=pool,
                         Logins={name: tokens["AccessToken"]})
        self.assertEqual(len(ids), 1)
        foreign = self.sign_in("ann@example.com", app=self.client()["ClientId"])
        self.refused("NotAuthorizedException", None, PUBLIC.get_id, IdentityPoolId=pool,
                     Logins={at_aws: foreign["IdToken"]})

        ADMIN.admin_user_global_sign_out(UserPoolId=self.id, Username=subject)
        for name in (at_aws, here):
            self.refused("NotAuthorizedException", None, PUBLIC.get_credentials_for_identity, IdentityId=identity,
                         Logins={name: tokens["IdToken"]})
        again = self.sign_in("ann@example.com")
        self.assertEqual(PUBLIC.get_id(IdentityPoolId=pool, Logins={at_aws: again["IdToken"]})["IdentityId"], identity)

    def test_role_of_a_group(self):
        self.user("ann@example.com")
        name = f"cognito-idp.us-east-1.amazonaws.com/{self.id}"
        roles = {each: f"arn:aws:iam::000000000000:role/{each}" for each in ("First", "Second")}
        for n, (group, role) in enumerate(roles.items()):
            ADMIN.create_group(UserPoolId=self.id, GroupName=group, RoleArn=role, Precedence=n)
            ADMIN.admin_add_user_to_group(UserPoolId=self.id, GroupName=group, Username="ann@example.com")
        pool = IDENTITIES.create_identity_pool(
            IdentityPoolName="users", AllowUnauthenticatedIdentities=False,
            CognitoIdentityProviders=[dict(ProviderName=name, ClientId=self.app)])["IdentityPoolId"]
        IDENTITIES.set_identity_pool_roles(
            IdentityPoolId=pool, Roles={"authenticated": USER_ROLE},
            RoleMappings={f"{name}:{self.app}": dict(Type="Token", AmbiguousRoleResolution="Deny")})
        token = self.sign_in("ann@example.com")["IdToken"]
        self.assertEqual(claims(token)["cognito:preferred_role"], roles["First"])
        self.assertCountEqual(claims(token)["cognito:roles"], roles.values())
        identity = PUBLIC.get_id(IdentityPoolId=pool, Logins={name: token})["IdentityId"]
        vended = PUBLIC.get_credentials_for_identity(IdentityId=identity, Logins={name: token})["Credentials"]
        self.assertEqual(self.caller(vended), ASSUMED.format("First"))


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    if result.skipped or not result.wasSuccessful():
        raise SystemExit(1)
    with open("../../docs/dev-user-pools.md", encoding="utf-8") as page:
        simulated = set(re.findall(r"^\| `(\w+)` \|", page.read(), re.MULTILINE))
    if CALLED != simulated:
        raise SystemExit(f"not called, or not listed by the page: {sorted(CALLED ^ simulated)}")
    print(f"{result.testsRun} tests passed")
