"""One call with boto3: boto.py ENDPOINT ACTION POOL_NAME. Keys come from the environment."""
import email.utils
import os
import sys
import urllib.request

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

endpoint, action, pool_name = sys.argv[1:4]


def client(service):
    return boto3.client(service, endpoint_url=endpoint)


def presigned(**method):
    return client("sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, **method)


if action == "list":
    client("cognito-identity").list_identity_pools(MaxResults=10)
elif action == "create":
    client("cognito-identity").create_identity_pool(
        IdentityPoolName=pool_name, AllowUnauthenticatedIdentities=False)
elif action == "caller":
    client("sts").get_caller_identity()
elif action == "presign-get":
    urllib.request.urlopen(presigned(HttpMethod="GET"))
elif action == "presign-post":
    urllib.request.urlopen(urllib.request.Request(presigned(), method="POST"))
elif action == "date-header":
    # A caller that sets Date gets a signature over Date instead of X-Amz-Date.
    request = AWSRequest(
        method="GET", url=endpoint + "/", params={"Action": "GetCallerIdentity", "Version": "2011-06-15"},
        headers={"Date": email.utils.formatdate(usegmt=True)})
    credentials = boto3.Session().get_credentials()
    SigV4Auth(credentials, "sts", os.environ["AWS_REGION"]).add_auth(request)
    prepared = request.prepare()
    urllib.request.urlopen(urllib.request.Request(prepared.url, headers=dict(prepared.headers.items())))
else:
    sys.exit("unknown action " + action)
