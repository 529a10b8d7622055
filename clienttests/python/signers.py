"""Requests as botocore signs them; started by go test ./clienttests.

TARGET is the URL. Each line of the output is the name of a way, and the status.
"""

import hashlib
import os
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

TARGET = os.environ["TARGET"]
KEY = Credentials(os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ["AWS_SESSION_TOKEN"])


def status(method, body, headers, changed=None):
    request = AWSRequest(method, TARGET, data=body, headers=headers)
    SigV4Auth(KEY, "execute-api", "us-east-1").add_auth(request)
    sent = urllib.request.Request(TARGET, changed or body, dict(request.headers.items()), method=method)
    try:
        with urllib.request.urlopen(sent) as answer:
            return answer.status
    except urllib.error.HTTPError as refused:
        return refused.code


BODY = b"hello from botocore" * 5000
STATED = {"X-Amz-Content-SHA256": hashlib.sha256(BODY).hexdigest(), "Content-Type": "text/plain"}
PLAIN = {"Content-Type": "text/plain"}
OTHER = b"H" + BODY[1:]

print("read", status("GET", None, {}))
print("plain", status("PUT", BODY, PLAIN))
print("plain-changed", status("PUT", BODY, PLAIN, OTHER))
print("stated", status("PUT", BODY, STATED))
print("stated-changed", status("PUT", BODY, STATED, OTHER))
