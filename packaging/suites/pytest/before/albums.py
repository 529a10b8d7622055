"""The app: each user keeps photos in a folder of their own."""

import boto3


def folder(pool_id, logins):
    identity = boto3.client("cognito-identity").get_id(IdentityPoolId=pool_id, Logins=logins)["IdentityId"]
    return name(identity)


def name(identity):
    return f"albums/{identity}/"
