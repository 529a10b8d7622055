# Sign a guest in.
set -eu
ENDPOINT='__ENDPOINT__'
POOL='__POOL_ID__'
export AWS_DEFAULT_REGION='__REGION__'

ID=$(aws cognito-identity get-id --endpoint-url "$ENDPOINT" \
  --identity-pool-id "$POOL" --query IdentityId --output text)
KEYS=$(aws cognito-identity get-credentials-for-identity --endpoint-url "$ENDPOINT" --identity-id "$ID" \
  --query 'Credentials.[AccessKeyId,SecretKey,SessionToken]' --output text)

set -- $KEYS
export AWS_ACCESS_KEY_ID="$1" AWS_SECRET_ACCESS_KEY="$2" AWS_SESSION_TOKEN="$3"

echo "$ID"
aws sts get-caller-identity --endpoint-url "$ENDPOINT" --query Arn --output text
