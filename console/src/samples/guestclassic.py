# Sign a guest in by the classic flow.
import boto3

endpoint = "__ENDPOINT__"
region = "__REGION__"
pool = "__POOL_ID__"
role = "__ROLE_ARN__"

client = boto3.client("cognito-identity", endpoint_url=endpoint, region_name=region)
identity = client.get_id(IdentityPoolId=pool)["IdentityId"]
token = client.get_open_id_token(IdentityId=identity)["Token"]

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
