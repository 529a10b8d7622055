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

Flags come before environment variables, environment variables before the settings file (YAML; --config or
POOLHOUSE_CONFIG). A name that no setting has is an error, and so is a value of the wrong type.
"poolhouse config" prints what is in force and where each value comes from.

| In the file | Flag | Environment | Default | What |
|---|---|---|---|---|
`)

	for _, s := range newSettings().rows {
		flag, standard := "–", "–"
		if s.hasFlag {
			flag = "`--" + s.flag() + "`"
		}
		if s.standard != "" {
			standard = "`" + s.standard + "`"
		}

		fmt.Fprintf(&b, "| `%s` | %s | `%s` | %s | %s |\n", s.name, flag, s.env(), standard, s.help)
	}
	b.WriteString(lists)

	return b.String()
}

const lists = `
A setting of several values is a list in the file; a flag or variable has them separated by commas. A name with a
dot is in the file below its section: "dev.allowed_hosts" is "allowed_hosts" below "dev:", and likewise for
"address_limits" and "limits".

Roles and providers are in the file only:

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
    permissions_boundary: ""      # a policy document; empty is none
    max_session_duration: 3600    # seconds

oidc_providers:
  - url: https://idp.example.com  # the issuer; its key in Logins is the part after https://
    client_ids: [my-app]          # accepted in azp when present, else in aud
    allowed_algs: [RS256]         # RS256 when left out
    discovery_url: ""             # url + /.well-known/openid-configuration when left out
    jwks_url: ""                  # set: no discovery
    ca_bundle: ""                 # PEM file, relative to this file's folder; the system's when left out
    thumbprints: []               # SHA-1 of a certificate in the TLS chain, hex
    enforce_thumbprints: false
    allow_private: false          # true for an issuer on a private network
    allow_http: false             # true only for development
    sign_out:                     # its logout tokens and security events are taken without this
      audiences: []               # accepted in aud besides client_ids
      credential_change: false    # true: a new password signs out, too

providers:                        # the providers of SupportedLoginProviders: only what is to differ
  google: {issuers: [], jwks_url: "", ca_bundle: "", allow_http: false, allow_private: false}
  apple: {issuers: [], jwks_url: ""}
  facebook:
    base_url: https://graph.facebook.com
    graph_version: v25.0
    app_secret: ""                # set: tokens are checked by debug_token, and calls carry appsecret_proof
    app_secrets: {}               # of single applications, by ID
    limited_login: false          # true takes the ID tokens of Limited Login, too; issuers and jwks_url are theirs
  amazon: {base_url: "https://api.amazon.com"}
  twitter: {base_url: "https://api.twitter.com", verify_path: /2/users/me}
  digits: {base_url: ""}          # Digits has ended: logins are refused unless something answers like X here

user_pools:                       # user pools that are not at AWS, or whose users are looked up
  - provider_name: cognito-idp.us-east-1.amazonaws.com/us-east-1_Example
    aliases: []                   # other keys in Logins that stand for it, e.g. localhost:9229/us-east-1_Example
    endpoint: ""                  # of a user pools API: tokens are then of endpoint/POOL, or as AWS issues them
    issuer: https://userpool.example.com/us-east-1_Example # only this one, whatever the endpoint
    jwks_url: ""                  # issuer + /.well-known/jwks.json when left out
    allowed_algs: [RS256]         # RS256 when left out
    ca_bundle: ""
    allow_http: false
    allow_private: false
    status:                       # for ServerSideTokenCheck: without it such logins are refused
      check: admin_get_user       # or introspection, or push
      endpoint: ""                # admin_get_user: endpoint from above, else AWS's; introspection: its URL
      region: ""                  # admin_get_user: the pool's when left out
      access_key_id: AKIDEXAMPLE  # admin_get_user: a key that may call cognito-idp:AdminGetUser
      secret_access_key: ""
      client_id: ""               # introspection
      client_secret: ""
      cache: 0s                   # how long a yes is kept, up to 5s
    sign_out:                     # what the user pool may tell of sign-outs
      audiences: []               # accepted in aud; none: it may tell nothing
      credential_change: false    # true: a new password signs out, too

user_pool_regions:                # where the other user pools of a region are
  us-east-1: {endpoint: "http://localhost:9229", allow_http: true, allow_private: true} # ca_bundle, status: as above

saml_providers:
  - name: Example                 # its key in Logins is arn:aws:iam::ACCOUNT:saml-provider/Example
    metadata_file: idp.xml        # the identity provider's metadata, relative to this file's folder
    audiences: []                 # accepted besides issuer_url and urn:amazon:webservices
    recipients: []                # accepted besides issuer_url and AWS's sign-in endpoints
    previous_entity_ids: []       # that this identity provider had before: its users stay who they are
    enforce_certificate_dates: true # false accepts signatures by expired certificates

saml_previous_entity_ids:         # the same for providers that the IAM API made, by ARN
  arn:aws:iam::111111111111:saml-provider/Made: [https://old.example.com/saml]

token_algorithms:                 # of single pools
  us-east-1:11111111-2222-3333-4444-555555555555: RS256

check:                            # off unless it is here: docs/check.md
  path: /check
  request: x-original             # which headers tell the client's request: x-original, x-forwarded, or request (Envoy)
  service: execute-api            # that clients sign for
  region: ""                      # that clients sign for; region from above when left out
  body: hash-required             # or unchecked, or forwarded
  max_body: 1048576               # bytes of a body that is read before its signature is known; with forward_to 100 MiB
  presigned: false                # true takes presigned URLs, too
  routes:                         # the first that matches counts
    - match: GET /files/{path...}
      action: s3:GetObject
      resource: arn:aws:s3:::files/{path}
      forward_to: http://files:8081 # Poolhouse itself sends the request there; left out: a proxy asks and sends it
  listen: 127.0.0.1:4600          # where routes with forward_to are served, with tls_cert where that is set
  allowed_origins: []             # pages that may call them; preflights are answered here; "*" = all
  hosts: []                       # Host headers that are forwarded, such as files.example.com; left out: any
  pass_signature: false           # true: services get Authorization and session token too, to verify them again
  ca_bundle: ""                   # PEM file that services with https are checked against; the system's when left out
  max_bodies: 10737418240         # bytes of the bodies together that are read before their signatures are known
  body_time: 1m                   # in which such a body must arrive
  forward_timeout: 1m             # how long a client or a service may be silent

rate_limits:                      # how often each account may call; off unless it is here: docs/operations.md
  preset: aws                     # the rates that AWS documents; left out: only those below
  operations:                     # SERVICE:OPERATION, or the rest of a service together: SERVICE:signed, :public, :*
    "cognito-identity:GetId": {rate: 50, burst: 100} # calls a second, and at once; burst is rate when left out
    "sts:signed": off             # lifts the preset's

credential_engines:               # STS services outside that the enhanced flow may take credentials from
  storage:
    endpoint: https://s3.example.com # left out: AWS's of region
    region: ""
    ca_bundle: ""
    allow_http: false             # true only for development: the token and the keys would pass in clear
    allow_private: false          # true for an engine on a private network
    client_id: ""                 # HTTP Basic, for what asks callers to authenticate; AWS does not
    client_secret: ""
    roles:                        # what the engine calls a pool's role; none sends no role. Without: as it is
      "arn:aws:iam::000000000000:role/*": "arn:aws:iam:::role/*"
    guest_policy: aws             # aws, s3, off or a policy document: bounds guests' sessions
    guest_policy_arns: []         # managed policies beside a document
    session_policy: ""            # a policy document that bounds the sessions of signed-in users;
                                  # ${identity_id}… as in claims
    # with ${identity_id} (a dot for the colon), ${identity_uuid}, ${claim:NAME}…
    role_session_name: CognitoIdentityCredentials
    duration: 1h                  # of sessions, 15m to 12h
    token:                        # what states the identity to the engine
      algorithm: ""               # RS512, RS256 or ES256; the server's when left out
      typ: JWS                    # or JWT, or none
      x5c: false                  # true: the key's certificate is in the token's header, too
      audience: ""                # the pool's ID when left out
      issuer: ""                  # issuer_url when left out
      amr: full                   # short: only whether signed in; or none
      tags: true                  # false leaves principal tags out
      lifetime: ""                # that of the session when left out
      # also ${identity_id}, ${identity_uuid}, ${pool_id}, ${account}, ${region}, ${role_arn}, ${state}, ${tag:KEY}
      claims: {policy: "${role_name}"}

pool_credential_engines:          # of single pools; credential_engine is for all others
  us-east-1:11111111-2222-3333-4444-555555555555: storage

guest_policy: aws                 # aws, off or a policy document: bounds the sessions of the builtin engine's guests
pool_guest_policies:              # of single pools; guest_policy is for all others
  us-east-1:11111111-2222-3333-4444-555555555555:
    Version: "2012-10-17"
    Statement:
      - {Effect: Allow, Action: "s3:GetObject", Resource: "*"}
` + "```" + `
`
