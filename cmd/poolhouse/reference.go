package main

import (
	"fmt"
	"strings"
)

// reference returns the reference of the settings in Markdown.
func reference() string {
	var b strings.Builder
	b.WriteString(`# Settings

<!-- Written by: poolhouse config --docs -->

A flag overrides an environment variable, and an environment variable overrides the settings file (YAML; --config or
POOLHOUSE_CONFIG). An unknown name or a value of the wrong type is an error.
"poolhouse config" prints the values in use and their sources.

| In the file | Flag | Environment | Default | What |
|---|---|---|---|---|
`)

	for _, s := range newSettings().rows {
		flag, standard := "–", "–"
		if s.HasFlag {
			flag = "`--" + s.flag() + "`"
		}
		if s.Standard != "" {
			standard = "`" + s.Standard + "`"
		}

		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s |\n", s.Name, flag, s.env(), standard, s.Help)
	}
	b.WriteString(lists)

	return b.String()
}

const lists = `
A setting with several values is a list in the file; in a flag or variable, separate the values with commas. A dot in
a name stands for a section of the file: "dev.allowed_hosts" is "allowed_hosts" under "dev:". The same applies to
"address_limits" and "limits".

Only the file can have roles, providers and the other sections below:

` + "```yaml" + `
roles:
  - arn: arn:aws:iam::000000000000:role/Authenticated
    # YAML, or JSON in a string. A role that trusts Cognito must name the pool (aud).
    trust_policy:
      Version: "2012-10-17"
      Statement:
        - Effect: Allow
          Principal: {Federated: cognito-identity.amazonaws.com}
          Action: [sts:AssumeRoleWithWebIdentity, sts:TagSession]
          Condition:
            StringEquals: {"cognito-identity.amazonaws.com:aud": "us-east-1:11111111-2222-3333-4444-555555555555"}
            "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": authenticated}
    policies:
      - name: own-files
        document:
          Version: "2012-10-17"
          Statement:
            - Effect: Allow
              Action: s3:GetObject
              Resource: arn:aws:s3:::files/${cognito-identity.amazonaws.com:sub}/*
    permissions_boundary: ""      # a policy document; empty means none
    max_session_duration: 3600    # seconds

oidc_providers:
  - url: https://idp.example.com  # the issuer; its key in Logins is the part after https://
    client_ids: [my-app]          # accepted in azp when present, else in aud
    allowed_algs: [RS256]         # RS256 when left out
    discovery_url: ""             # url + /.well-known/openid-configuration when left out
    jwks_url: ""                  # if set, discovery is not used
    ca_bundle: ""                 # PEM file, relative to this file's folder; the system's certificates when left out
    thumbprints: []               # SHA-1 of a certificate in the TLS chain, hex
    enforce_thumbprints: false
    allow_private: false          # true for an issuer on a private network
    allow_http: false             # true only for development
    sign_out:                     # logout tokens and security events are accepted even without this section
      audiences: []               # accepted in aud in addition to client_ids
      credential_change: false    # true: a new password also signs the user out

providers:                        # changes to the providers of SupportedLoginProviders
  google: {issuers: [], jwks_url: "", ca_bundle: "", allow_http: false, allow_private: false}
  apple: {issuers: [], jwks_url: ""}
  facebook:
    base_url: https://graph.facebook.com
    graph_version: v25.0
    app_secret: ""                # if set, tokens are checked with debug_token, and calls carry appsecret_proof
    app_secrets: {}               # for single applications, by ID
    limited_login: false          # true also accepts ID tokens of Limited Login; issuers and jwks_url are for these
  amazon: {base_url: "https://api.amazon.com"}
  twitter: {base_url: "https://api.twitter.com", verify_path: /2/users/me}
  digits: {base_url: ""}          # Digits was shut down: logins are refused unless this URL has an API like X's

user_pools:                       # user pools outside AWS, and user pools that are asked about users (status)
  - provider_name: cognito-idp.us-east-1.amazonaws.com/us-east-1_Example
    aliases: []                   # other keys in Logins that stand for it, e.g. localhost:9229/us-east-1_Example
    endpoint: ""                  # URL of a user pools API: the issuer is endpoint/POOL or AWS's
    issuer: https://userpool.example.com/us-east-1_Example # accept only this issuer, whatever the endpoint
    jwks_url: ""                  # issuer + /.well-known/jwks.json when left out
    allowed_algs: [RS256]         # RS256 when left out
    ca_bundle: ""
    allow_http: false
    allow_private: false
    status:                       # for ServerSideTokenCheck: without this section, its logins are refused
      check: admin_get_user       # or introspection, or push
      endpoint: ""                # admin_get_user: if left out, the endpoint above or AWS's; introspection: its URL
      region: ""                  # admin_get_user: the pool's region when left out
      access_key_id: AKIDEXAMPLE  # admin_get_user: a key that may call cognito-idp:AdminGetUser
      secret_access_key: ""
      client_id: ""               # introspection
      client_secret: ""
      cache: 0s                   # how long a positive result is cached, up to 5s
    sign_out:                     # logout tokens and security events of the user pool
      audiences: []               # accepted in aud; if empty, none of them is accepted
      credential_change: false    # true: a new password also signs the user out

user_pool_regions:                # endpoints of all other user pools, by region
  us-east-1: {endpoint: "http://localhost:9229", allow_http: true, allow_private: true} # ca_bundle, status: as above

saml_providers:
  - name: Example                 # its key in Logins is arn:aws:iam::ACCOUNT:saml-provider/Example
    metadata_file: idp.xml        # the identity provider's metadata, relative to this file's folder
    audiences: []                 # accepted in addition to issuer_url and urn:amazon:webservices
    recipients: []                # accepted in addition to issuer_url and AWS's sign-in endpoints
    previous_entity_ids: []       # former entity IDs of this identity provider: its users keep their identities
    enforce_certificate_dates: true # false accepts signatures by expired certificates

saml_previous_entity_ids:         # the same for providers that were created through the IAM API, by ARN
  arn:aws:iam::111111111111:saml-provider/Made: [https://old.example.com/saml]

token_algorithms:                 # for single pools; token_algorithm is for all others
  us-east-1:11111111-2222-3333-4444-555555555555: RS256

check:                            # forward auth; off without this section: docs/check.md
  path: /check
  request: x-original             # headers that describe the client's request: x-original, x-forwarded or request
  service: execute-api            # the service that clients sign for
  region: ""                      # the region that clients sign for; the setting region when left out
  body: hash-required             # or unchecked, or forwarded
  max_body: 1048576               # bytes of a body read before its signature is checked; 100 MiB with forward_to
  presigned: false                # true also accepts presigned URLs
  routes:                         # the first match is used
    - match: GET /files/{path...}
      action: s3:GetObject
      resource: arn:aws:s3:::files/{path}
      forward_to: http://files:8081 # Poolhouse sends the request there; left out: a proxy asks Poolhouse and sends it
  listen: 127.0.0.1:4600          # address for routes with forward_to; with TLS if tls_cert is set
  allowed_origins: []             # origins whose pages may call these routes; Poolhouse answers preflights; "*" = all
  hosts: []                       # Host headers that are forwarded, such as files.example.com; left out: any
  pass_signature: false           # true: services also get Authorization and the session token, to verify them again
  ca_bundle: ""                   # PEM file to verify https services with; the system's certificates when left out
  max_bodies: 10737418240         # limit in bytes for all bodies that are read before their signatures are checked
  body_time: 1m                   # time limit for such a body to arrive
  forward_timeout: 1m             # how long a client or a service may be silent

rate_limits:                      # how often each account may call; off without this section: docs/operations.md
  preset: aws                     # the rates that AWS documents; left out: only the rates below
  operations:                     # SERVICE:OPERATION; SERVICE:signed, :public or :* limits all others of a service
    "cognito-identity:GetId": {rate: 50, burst: 100} # calls per second, and calls at once; burst = rate when left out
    "sts:signed": off             # removes the preset's limit

credential_engines:               # external STS services that issue credentials for the enhanced flow
  storage:
    endpoint: https://s3.example.com # left out: AWS STS in the region below
    region: ""
    ca_bundle: ""
    allow_http: false             # true only for development: the token and the keys are sent unencrypted
    allow_private: false          # true for an engine on a private network
    client_id: ""                 # for HTTP Basic, if the engine requires it; AWS does not
    client_secret: ""
    roles:                        # pool's role: role that the engine gets; none sends no role. Left out: the same role
      "arn:aws:iam::000000000000:role/*": "arn:aws:iam:::role/*"
    guest_policy: aws             # limits guests' sessions: aws, s3, off or a policy document
    guest_policy_arns: []         # managed policies in addition to a document
    session_policy: ""            # a policy document that limits the sessions of signed-in users;
                                  # ${identity_id}… as in claims
    # with ${identity_id} (a dot for the colon), ${identity_uuid}, ${claim:NAME}…
    role_session_name: CognitoIdentityCredentials
    duration: 1h                  # of sessions, 15m to 12h
    token:                        # the token that names the identity to the engine
      algorithm: ""               # RS512, RS256 or ES256; the server's when left out
      typ: JWS                    # or JWT, or none
      x5c: false                  # true: the token's header also has the key's certificate
      audience: ""                # the pool's ID when left out
      issuer: ""                  # issuer_url when left out
      amr: full                   # full; short: only authenticated or unauthenticated; or none
      tags: true                  # false leaves principal tags out
      lifetime: ""                # the session's duration when left out
      # also ${identity_id}, ${identity_uuid}, ${pool_id}, ${account}, ${region}, ${role_arn}, ${state}, ${tag:KEY}
      claims: {policy: "${role_name}"}

pool_credential_engines:          # for single pools; credential_engine is for all others
  us-east-1:11111111-2222-3333-4444-555555555555: storage

guest_policy: aws                 # limits guests' sessions of the builtin engine: aws, off or a policy document
pool_guest_policies:              # for single pools; guest_policy is for all others
  us-east-1:11111111-2222-3333-4444-555555555555:
    Version: "2012-10-17"
    Statement:
      - {Effect: Allow, Action: "s3:GetObject", Resource: "*"}
` + "```" + `
`
