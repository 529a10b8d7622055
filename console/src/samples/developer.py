# Sign a user of your backend in. The variable USER_ID has the user's ID there.
# The first call is signed with the backend's own key.
import os

import boto3

endpoint = "__ENDPOINT__"
region = "__REGION__"
pool = "__POOL_ID__"

client = boto3.client("cognito-identity", endpoint_url=endpoint, region_name=region)
answer = client.get_open_id_token_for_developer_identity(
    IdentityPoolId=pool, Logins={"__LOGIN_KEY__": os.environ["USER_ID"]}
)
identity = answer["IdentityId"]
logins = {"cognito-identity.amazonaws.com": answer["Token"]}
keys = client.get_credentials_for_identity(IdentityId=identity, Logins=logins)["Credentials"]

sts = boto3.client(
    "sts",
    endpoint_url=endpoint,
    region_name=region,
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretKey"],
    aws_session_token=keys["SessionToken"],
)
print(identity)
print(sts.get_caller_identity()["Arn"])
