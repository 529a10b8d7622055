"""Signs a user in as a SAML identity provider: pysaml2, driven by saml_test.go.

It reads a JSON request from standard input and prints metadata and response.
"""
import base64
import json
import logging
import sys

from saml2 import BINDING_HTTP_POST, BINDING_HTTP_REDIRECT
from saml2.authn_context import PASSWORD
from saml2.config import IdPConfig
from saml2.metadata import create_metadata_string
from saml2.saml import NAME_FORMAT_URI, NAMEID_FORMAT_PERSISTENT, NameID
from saml2.server import Server
from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

logging.disable(logging.WARNING)
request = json.load(sys.stdin)

application = f"""<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{request['audience']}">
  <md:SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:AssertionConsumerService Binding="{BINDING_HTTP_POST}" Location="{request['recipient']}" index="1"/>
  </md:SPSSODescriptor>
</md:EntityDescriptor>"""

config = IdPConfig().load(
    {
        "entityid": request["entity_id"],
        "key_file": request["key_file"],
        "cert_file": request["certificate_file"],
        "xmlsec_binary": "/usr/bin/xmlsec1",
        "metadata": {"inline": [application]},
        "service": {
            "idp": {
                "endpoints": {"single_sign_on_service": [(request["entity_id"] + "/sso", BINDING_HTTP_REDIRECT)]},
                "name_id_format": [NAMEID_FORMAT_PERSISTENT],
                "policy": {"default": {"lifetime": {"minutes": 5}, "name_form": NAME_FORMAT_URI, "attribute_restrictions": None}},
            }
        },
    }
)
server = Server(config=config)
response = server.create_authn_response(
    request["attributes"],
    None,
    request["recipient"],
    request["audience"],
    name_id=NameID(format=NAMEID_FORMAT_PERSISTENT, text=request["subject"]),
    authn={"class_ref": PASSWORD, "authn_auth": request["entity_id"]},
    sign_response="response" in request["sign"],
    sign_assertion="assertion" in request["sign"],
    sign_alg=SIG_RSA_SHA256,
    digest_alg=DIGEST_SHA256,
)
metadata = create_metadata_string(None, config=config)
print(
    json.dumps(
        {
            "metadata": metadata.decode() if isinstance(metadata, bytes) else metadata,
            "response": base64.b64encode(str(response).encode()).decode(),
        }
    )
)
