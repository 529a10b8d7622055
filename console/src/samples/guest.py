# Sign a guest in.
import boto3

endpoint = "__ENDPOINT__"
region = "__REGION__"
pool = "__POOL_ID__"

client = boto3.client("cognito-identity", endpoint_url=endpoint, region_name=region)
identity = client.get_id(IdentityPoolId=pool)["IdentityId"]
keys = client.get_credentials_for_identity(IdentityId=identity)["Credentials"]

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
