# Sign a user of your backend in by the classic flow. The variable USER_ID has the user's ID there.
# The first call is signed with the backend's own key.
set -eu
ENDPOINT='__ENDPOINT__'
POOL='__POOL_ID__'
export AWS_DEFAULT_REGION='__REGION__'
ROLE='__ROLE_ARN__'
LOGIN='__LOGIN_KEY__'

set -- $(aws cognito-identity get-open-id-token-for-developer-identity --endpoint-url "$ENDPOINT" \
  --identity-pool-id "$POOL" --logins "{\"$LOGIN\": \"$USER_ID\"}" --query '[IdentityId,Token]' --output text)
ID=$1
OPENID=$2

KEYS=$(aws sts assume-role-with-web-identity --endpoint-url "$ENDPOINT" \
  --role-arn "$ROLE" --role-session-name app --web-identity-token "$OPENID" \
  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)

set -- $KEYS
export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2" AWS_SESSION_TOKEN="$3"

echo "$ID"
aws sts get-caller-identity --endpoint-url "$ENDPOINT" --query Arn --output text
