# Sign a user of your backend in by the classic flow. The variable USER_ID has the user's ID there.
# The first call is signed with the backend's own key.
import os

import boto3

endpoint = "__ENDPOINT__"
region = "__REGION__"
pool = "__POOL_ID__"
role = "__ROLE_ARN__"

client = boto3.client("cognito-identity", endpoint_url=endpoint, region_name=region)
answer = client.get_open_id_token_for_developer_identity(
    IdentityPoolId=pool, Logins={"__LOGIN_KEY__": os.environ["USER_ID"]}
)
identity = answer["IdentityId"]

keys = boto3.client("sts", endpoint_url=endpoint, region_name=region).assume_role_with_web_identity(
    RoleArn=role, RoleSessionName="app", WebIdentityToken=answer["Token"]
)["Credentials"]

sts = boto3.client(
    "sts",
    endpoint_url=endpoint,
    region_name=region,
    aws_access_key_id=keys["AccessKeyId"],
    aws_secret_access_key=keys["SecretAccessKey"],
    aws_session_token=keys["SessionToken"],
)
print(identity)
print(sts.get_caller_identity()["Arn"])
