"""The code under test: an app that keeps a folder for each of its users."""

import boto3
from botocore import UNSIGNED
from botocore.config import Config


class Albums:
    def __init__(self, pool_id):
        self.pools, self.pool_id = boto3.client("cognito-identity", config=Config(signature_version=UNSIGNED)), pool_id

    def sign_in(self, logins):
        """Returns the user's folder, and a session with the user's credentials."""
        identity = self.pools.get_id(IdentityPoolId=self.pool_id, Logins=logins)["IdentityId"]
        keys = self.pools.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]
        session = boto3.Session(
            aws_access_key_id=keys["AccessKeyId"], aws_secret_access_key=keys["SecretKey"],
            aws_session_token=keys["SessionToken"])
        return f"albums/{identity}/", session
