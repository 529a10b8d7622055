# Sign a user of your backend in. The variable USER_ID has the user's ID there.
# The first call is signed with the backend's own key.
set -eu
ENDPOINT='__ENDPOINT__'
POOL='__POOL_ID__'
export AWS_DEFAULT_REGION='__REGION__'
LOGIN='__LOGIN_KEY__'

set -- $(aws cognito-identity get-open-id-token-for-developer-identity --endpoint-url "$ENDPOINT" \
  --identity-pool-id "$POOL" --logins "{\"$LOGIN\": \"$USER_ID\"}" --query '[IdentityId,Token]' --output text)
ID=$1
LOGINS="{\"cognito-identity.amazonaws.com\": \"$2\"}"

KEYS=$(aws cognito-identity get-credentials-for-identity --endpoint-url "$ENDPOINT" \
  --identity-id "$ID" --logins "$LOGINS" \
  --query 'Credentials.[AccessKeyId,SecretKey,SessionToken]' --output text)

set -- $KEYS
export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2" AWS_SESSION_TOKEN="$3"

echo "$ID"
aws sts get-caller-identity --endpoint-url "$ENDPOINT" --query Arn --output text
