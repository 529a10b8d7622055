#!/usr/bin/env bash
# Signs a guest and a user in, and uses the user's credentials, with poolhouse and the AWS CLI alone.
set -euo pipefail

# 1. A server of our own, on a free port, that keeps nothing.
folder=$(mktemp -d)
poolhouse dev --memory --listen 127.0.0.1:0 --ready-file "$folder/ready.json" > "$folder/log" 2>&1 &
server=$!
trap 'kill $server; rm -rf "$folder"' EXIT
until [ -s "$folder/ready.json" ]; do kill -0 $server; sleep 0.1; done
endpoint=$(sed -n 's/.*"endpoint": "\(.*\)".*/\1/p' "$folder/ready.json")
echo "Poolhouse listens on $endpoint"

# 2. Its keys and region, and the names of its provider.
eval "$(poolhouse dev env --endpoint "$endpoint")"
export AWS_PAGER="" AWS_DEFAULT_OUTPUT=text
info() { poolhouse dev info --endpoint "$endpoint" | awk -v name="$1" '$1 == name { print $2 }'; }
pools() { aws cognito-identity "$@" --endpoint-url "$endpoint"; }

# 3. Roles: guests may look at the shop, users may also use their own cart.
pool=$(pools create-identity-pool --identity-pool-name shop --allow-unauthenticated-identities \
  --open-id-connect-provider-arns "$(info oidc_provider_arn)" --query IdentityPoolId)
role() {
  aws iam create-role --endpoint-url "$endpoint" --role-name "$1" --query Role.Arn --assume-role-policy-document '{
    "Version": "2012-10-17",
    "Statement": [{
      "Effect": "Allow",
      "Principal": {"Federated": "cognito-identity.amazonaws.com"},
      "Action": "sts:AssumeRoleWithWebIdentity",
      "Condition": {
        "StringEquals": {"cognito-identity.amazonaws.com:aud": "'"$pool"'"},
        "ForAnyValue:StringLike": {"cognito-identity.amazonaws.com:amr": "'"$2"'"}
      }
    }]
  }'
}
pools set-identity-pool-roles --identity-pool-id "$pool" \
  --roles "authenticated=$(role Shopper authenticated),unauthenticated=$(role Visitor unauthenticated)"

# 4. A guest.
guest=$(pools get-id --identity-pool-id "$pool" --query IdentityId)
pools get-credentials-for-identity --identity-id "$guest" --query Credentials.Expiration > "$folder/expiration"
echo "Guest: $guest, with credentials until $(cat "$folder/expiration")"

# 5. Alice signs in, and STS knows her by her credentials.
login=$(info login_key)=$(poolhouse dev token --endpoint "$endpoint" --sub alice)
alice=$(pools get-id --identity-pool-id "$pool" --logins "$login" --query IdentityId)
read -r id secret session <<< "$(pools get-credentials-for-identity --identity-id "$alice" --logins "$login" \
  --query 'Credentials.[AccessKeyId,SecretKey,SessionToken]')"
echo "Alice: $alice"
AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$session \
  aws sts get-caller-identity --endpoint-url "$endpoint" --query Arn

# 6. Her identity without her token is nobody's.
if pools get-credentials-for-identity --identity-id "$alice" 2> "$folder/refused"; then exit 1; fi
echo "Without her token: $(grep -o 'An error occurred.*' "$folder/refused")"
