# Sign a user in by the classic flow. The variable TOKEN has the token of the provider.
import os

import boto3

endpoint = "__ENDPOINT__"
region = "__REGION__"
pool = "__POOL_ID__"
role = "__ROLE_ARN__"
logins = {"__LOGIN_KEY__": os.environ["TOKEN"]}

client = boto3.client("cognito-identity", endpoint_url=endpoint, region_name=region)
identity = client.get_id(IdentityPoolId=pool, Logins=logins)["IdentityId"]
token = client.get_open_id_token(IdentityId=identity, Logins=logins)["Token"]

keys = boto3.client("sts", endpoint_url=endpoint, region_name=region).assume_role_with_web_identity(
    RoleArn=role, RoleSessionName="app", WebIdentityToken=token
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
