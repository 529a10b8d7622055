"""pycognito against user pools of a running `poolhouse dev`; started by go test ./clienttests.

The server gives the same code for everything, POOLHOUSE_CODE.
"""

import unittest

import pycognito
from pycognito.exceptions import ForceChangePasswordException, TokenVerificationException

from client_test import ENDPOINT
from userpools_test import ADMIN, APP, CODE, OTHER, PASSWORD, PoolCase


class Pycognito(PoolCase):
    def cognito(self, name=None, **more):
        return pycognito.Cognito(self.id, more.pop("client_id", self.app), username=name,
                                 boto3_client_kwargs={"endpoint_url": ENDPOINT}, **more)

    def test_sign_up_and_in(self):
        user = self.cognito("ann@example.com")
        user.set_base_attributes(email="ann@example.com", given_name="Ann")
        self.assertFalse(user.register("ann@example.com", PASSWORD)["UserConfirmed"])
        user.confirm_sign_up(CODE, username="ann@example.com")
        user.authenticate(PASSWORD)  # by SRP, and verifies both tokens
        self.assertEqual((user.id_claims["given_name"], user.access_claims["token_use"]), ("Ann", "access"))
        self.assertFalse(user.check_token())
        before = user.access_token
        user.renew_access_token()
        self.assertNotEqual(user.access_token, before)
        user.verify_tokens()

        user.update_profile({"given_name": "Anna"})
        self.assertEqual(user.get_user().given_name, "Anna")
        user.send_verification("email")
        user.validate_verification(CODE, "email")
        user.change_password(PASSWORD, OTHER)
        user.authenticate(OTHER)
        user.initiate_forgot_password()
        user.confirm_forgot_password(CODE, PASSWORD)
        user.authenticate(PASSWORD)
        token = user.access_token
        user.logout()  # everywhere
        self.error("NotAuthorizedException", APP.get_user, AccessToken=token)
        self.error("NotAuthorizedException", self.cognito("ann@example.com").authenticate, password=OTHER)
        user.authenticate(PASSWORD)
        user.delete_user()
        self.error("UserNotFoundException", user.authenticate, password=PASSWORD)

    def test_forged_token(self):
        self.user("ann@example.com")
        user = self.cognito("ann@example.com")
        user.authenticate(PASSWORD)
        header, body, signature = user.id_token.split(".")
        other = "A" if signature[9] != "A" else "B"
        with self.assertRaises(TokenVerificationException):
            user.verify_token(f"{header}.{body}.{signature[:9]}{other}{signature[10:]}", "id_token", "id")

    def test_new_password_and_secret(self):
        secret = self.client(GenerateSecret=True)
        keys = dict(client_id=secret["ClientId"], client_secret=secret["ClientSecret"])
        admin = self.cognito()
        admin.admin_create_user("ann@example.com", temporary_password="Temporary-1", email="ann@example.com")
        user = self.cognito("ann@example.com", **keys)
        with self.assertRaises(ForceChangePasswordException):
            user.authenticate("Temporary-1")
        user.new_password_challenge("Temporary-1", PASSWORD)
        user.authenticate(PASSWORD)
        # pycognito hashes the name that the user signed in with, and AWS wants that of the token.
        message = self.error("NotAuthorizedException", user.renew_access_token)
        self.assertEqual(message, f"SecretHash does not match for the client: {secret['ClientId']}")
        user.username = user.id_claims["cognito:username"]
        user.renew_access_token()
        user.verify_tokens()
        self.assertEqual(user.id_claims["aud"], secret["ClientId"])
        self.error("NotAuthorizedException", self.cognito("ann@example.com", client_id=secret["ClientId"],
                                                          client_secret="guessed").authenticate, password=PASSWORD)

    def test_administrators(self):
        admin = self.cognito("ann@example.com")
        admin.admin_create_user("ann@example.com", temporary_password="Temporary-1", email="ann@example.com",
                                email_verified="true")
        ADMIN.admin_set_user_password(UserPoolId=self.id, Username="ann@example.com", Password=PASSWORD, Permanent=True)
        admin.admin_authenticate(PASSWORD)
        admin.verify_tokens()
        admin.admin_update_profile({"given_name": "Ann"})
        self.assertEqual(admin.admin_get_user().given_name, "Ann")
        self.assertEqual([each.email for each in admin.get_users()], ["ann@example.com"])
        ADMIN.create_group(UserPoolId=self.id, GroupName="editors", Precedence=1)
        self.assertEqual([each.group_name for each in admin.get_groups()], ["editors"])
        self.assertEqual(admin.get_group("editors").precedence, 1)
        admin.admin_add_user_to_group("ann@example.com", "editors")
        self.assertEqual(admin.admin_list_groups_for_user("ann@example.com"), ["editors"])
        admin.admin_remove_user_from_group("ann@example.com", "editors")
        self.assertEqual(admin.admin_list_groups_for_user("ann@example.com"), [])
        admin.admin_disable_user("ann@example.com")
        self.error("NotAuthorizedException", admin.authenticate, password=PASSWORD)
        admin.admin_enable_user("ann@example.com")
        admin.admin_reset_password("ann@example.com")
        self.error("PasswordResetRequiredException", admin.authenticate, password=PASSWORD)
        admin.confirm_forgot_password(CODE, OTHER)
        admin.authenticate(OTHER)
        self.assertEqual(admin.describe_user_pool_client(self.id, self.app)["ClientName"], "app")
        admin.admin_delete_user()
        self.error("UserNotFoundException", admin.admin_get_user)


if __name__ == "__main__":
    result = unittest.main(verbosity=2, exit=False).result
    if result.skipped or not result.wasSuccessful():
        raise SystemExit(1)
    print(f"{result.testsRun} tests passed")
