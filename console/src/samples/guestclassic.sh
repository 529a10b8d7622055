# Sign a guest in by the classic flow.
set -eu
ENDPOINT='__ENDPOINT__'
POOL='__POOL_ID__'
export AWS_DEFAULT_REGION='__REGION__'
ROLE='__ROLE_ARN__'

ID=$(aws cognito-identity get-id --endpoint-url "$ENDPOINT" \
  --identity-pool-id "$POOL" --query IdentityId --output text)
OPENID=$(aws cognito-identity get-open-id-token --endpoint-url "$ENDPOINT" \
  --identity-id "$ID" --query Token --output text)
KEYS=$(aws sts assume-role-with-web-identity --endpoint-url "$ENDPOINT" \
  --role-arn "$ROLE" --role-session-name app --web-identity-token "$OPENID" \
  --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)

set -- $KEYS
export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2" AWS_SESSION_TOKEN="$3"

echo "$ID"
aws sts get-caller-identity --endpoint-url "$ENDPOINT" --query Arn --output text
