"""boto3 against user pools with other names to sign in by; started by go test ./clienttests."""

import json
import unittest
import urllib.request

from client_test import ENDPOINT
from userpools_test import ADMIN, APP, CODE, FLOWS, PASSWORD, PoolCase, attributes, claims, plain


class NamesCase(PoolCase):
    settings = {}
    flows = FLOWS

    def setUp(self):
        self.id = ADMIN.create_user_pool(PoolName="names", **self.settings)["UserPool"]["Id"]
        self.app = self.client(ExplicitAuthFlows=self.flows)["ClientId"]

    def sign_up(self, name, **given):
        who = dict(ClientId=self.app, Username=name)
        answer = APP.sign_up(**who, Password=PASSWORD, UserAttributes=attributes(**given))
        return answer, dict(who, ConfirmationCode=CODE)


class Aliases(NamesCase):
    settings = dict(AliasAttributes=["email", "preferred_username"], AutoVerifiedAttributes=["email"])

    def test_one_owner_of_an_address(self):
        self.error("InvalidParameterException", APP.sign_up, ClientId=self.app, Username="ann@example.com",
                   Password=PASSWORD)
        ann, code = self.sign_up("ann", email="ann@example.com")
        self.assertEqual(ann["CodeDeliveryDetails"]["Destination"], "a***@e***")
        APP.confirm_sign_up(**code)
        for name in ("ann", "ann@example.com"):
            self.assertEqual(claims(self.sign_in(name)["IdToken"])["cognito:username"], "ann")

        eve, code = self.sign_up("eve", email="ann@example.com")
        self.error("AliasExistsException", APP.confirm_sign_up, **code)
        self.assertEqual(claims(self.sign_in("ann@example.com")["IdToken"])["sub"], ann["UserSub"])
        APP.confirm_sign_up(**code, ForceAliasCreation=True)
        self.assertEqual(claims(self.sign_in("ann@example.com")["IdToken"])["sub"], eve["UserSub"])
        former = plain(ADMIN.admin_get_user(UserPoolId=self.id, Username="ann")["UserAttributes"])
        self.assertEqual(former["email_verified"], "false")

    def test_preferred_name(self):
        self.user_named("ann")
        me = dict(AccessToken=self.sign_in("ann")["AccessToken"])
        APP.update_user_attributes(**me, UserAttributes=attributes(preferred_username="annie"))
        self.assertEqual(claims(self.sign_in("annie")["IdToken"])["cognito:username"], "ann")
        self.user_named("bob")
        me = dict(AccessToken=self.sign_in("bob")["AccessToken"])
        self.error("AliasExistsException", APP.update_user_attributes, **me,
                   UserAttributes=attributes(preferred_username="annie"))

    def user_named(self, name):
        _, code = self.sign_up(name, email=f"{name}@example.com")
        APP.confirm_sign_up(**code)


class Telephones(NamesCase):
    settings = dict(UsernameAttributes=["phone_number", "email"], AutoVerifiedAttributes=["phone_number"])

    def test_sign_up_by_number(self):
        who = dict(ClientId=self.app, Password=PASSWORD)
        self.error("InvalidParameterException", APP.sign_up, Username="4155550100", **who)
        answer, code = self.sign_up("+14155550100")
        self.assertEqual(answer["CodeDeliveryDetails"], dict(
            Destination="+*******0100", DeliveryMedium="SMS", AttributeName="phone_number"))
        APP.confirm_sign_up(**code)
        token = claims(self.sign_in("+14155550100")["IdToken"])
        self.assertEqual((token["phone_number"], token["phone_number_verified"]), ("+14155550100", True))
        self.error("UsernameExistsException", APP.sign_up, Username="+14155550100", **who)


class ChoiceOfFlow(NamesCase):
    settings = dict(AutoVerifiedAttributes=["email"])
    flows = ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]

    def test_password_by_choice(self):
        ADMIN.admin_create_user(UserPoolId=self.id, Username="ann", MessageAction="SUPPRESS")
        ADMIN.admin_set_user_password(UserPoolId=self.id, Username="ann", Password=PASSWORD, Permanent=True)
        start = dict(ClientId=self.app, AuthFlow="USER_AUTH")
        parameters = {"USERNAME": "ann", "PREFERRED_CHALLENGE": "PASSWORD", "PASSWORD": PASSWORD}
        self.assertIn("IdToken", APP.initiate_auth(**start, AuthParameters=parameters)["AuthenticationResult"])
        answer = APP.initiate_auth(**start, AuthParameters={"USERNAME": "ann"})
        self.assertEqual(answer["ChallengeName"], "SELECT_CHALLENGE")
        self.assertLessEqual({"PASSWORD", "PASSWORD_SRP"}, set(answer["AvailableChallenges"]))
        done = APP.respond_to_auth_challenge(
            ClientId=self.app, ChallengeName="SELECT_CHALLENGE", Session=answer["Session"],
            ChallengeResponses={"USERNAME": "ann", "ANSWER": "PASSWORD", "PASSWORD": PASSWORD})
        self.assertIn("IdToken", done["AuthenticationResult"])
        self.error("InvalidParameterException", self.start, name="ann")  # the client has no USER_PASSWORD_AUTH

    def test_documents(self):
        issuer = f"{ENDPOINT}/{self.id}"
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration") as answer:
            document = json.load(answer)
        self.assertEqual((document["issuer"], document["jwks_uri"]), (issuer, f"{issuer}/.well-known/jwks.json"))
        with urllib.request.urlopen(document["jwks_uri"]) as answer:
            keys = json.load(answer)["keys"]
        self.assertEqual({(key["kty"], key["alg"], key["use"]) for key in keys}, {("RSA", "RS256", "sig")})
        self.assertTrue(all(key.keys() <= {"kty", "alg", "use", "kid", "n", "e"} for key in keys))


class Strangers(NamesCase):
    def test_unsigned_client_is_no_administrator(self):
        for call, parameters in (
            (APP.admin_get_user, dict(UserPoolId=self.id, Username="ann")),
            (APP.list_users, dict(UserPoolId=self.id)),
            (APP.describe_user_pool, dict(UserPoolId=self.id)),
            (APP.admin_set_user_password, dict(UserPoolId=self.id, Username="ann", Password=PASSWORD)),
            (APP.delete_user_pool, dict(UserPoolId=self.id)),
        ):
            self.refused("MissingAuthenticationTokenException", None, call, **parameters)
        self.assertEqual(ADMIN.list_users(UserPoolId=self.id)["Users"], [])


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    if result.skipped or not result.wasSuccessful():
        raise SystemExit(1)
    print(f"{result.testsRun} tests passed")
