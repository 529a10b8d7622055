resource "aws_cognito_user_pool" "users" {
  name                     = "users"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = "INACTIVE"
  password_policy {
    minimum_length    = var.stage == "one" ? 10 : 12
    require_lowercase = true
    require_numbers   = true
    require_symbols   = false
    require_uppercase = true
  }
  schema {
    name                = "plan"
    attribute_data_type = "String"
    mutable             = true
    string_attribute_constraints {
      min_length = "1"
      max_length = "20"
    }
  }
  tags = { stage = var.stage }
}

resource "aws_cognito_user_pool" "plain" {
  name = "plain"
}

resource "aws_cognito_user_pool_client" "app" {
  name                  = "app"
  user_pool_id          = aws_cognito_user_pool.users.id
  explicit_auth_flows   = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
  access_token_validity = var.stage == "one" ? 30 : 60
  token_validity_units {
    access_token = "minutes"
  }
}

resource "aws_cognito_user_pool_client" "web" {
  name                                 = "web"
  user_pool_id                         = aws_cognito_user_pool.plain.id
  generate_secret                      = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = ["openid", "email"]
  callback_urls                        = ["https://example.com/callback"]
  supported_identity_providers         = ["COGNITO"]
}

resource "aws_cognito_user" "alice" {
  user_pool_id = aws_cognito_user_pool.users.id
  username     = "alice@example.com"
  password     = "Secret12345"
  attributes = {
    email          = "alice@example.com"
    email_verified = true
    plan           = var.stage
  }
}

resource "aws_cognito_user_group" "admins" {
  name         = "admins"
  user_pool_id = aws_cognito_user_pool.users.id
  precedence   = var.stage == "one" ? 1 : 2
  description  = "administrators"
  role_arn     = "arn:aws:iam::000000000000:role/Admin"
}

resource "aws_cognito_user_in_group" "alice" {
  user_pool_id = aws_cognito_user_pool.users.id
  group_name   = aws_cognito_user_group.admins.name
  username     = aws_cognito_user.alice.username
}

resource "aws_cognito_identity_pool" "pool" {
  identity_pool_name               = "users"
  allow_unauthenticated_identities = false
  cognito_identity_providers {
    client_id               = aws_cognito_user_pool_client.app.id
    provider_name           = aws_cognito_user_pool.users.endpoint
    server_side_token_check = true
  }
}

resource "aws_cognito_identity_pool_provider_principal_tag" "users" {
  identity_pool_id       = aws_cognito_identity_pool.pool.id
  identity_provider_name = aws_cognito_user_pool.users.endpoint
  use_defaults           = false
  principal_tags         = { plan = "custom:plan", stage = var.stage }
}

data "aws_cognito_user_pools" "named" {
  name       = "users"
  depends_on = [aws_cognito_user_pool.users]
}

output "imports" {
  value = {
    "aws_cognito_user_pool.users"      = aws_cognito_user_pool.users.id
    "aws_cognito_user_pool.plain"      = aws_cognito_user_pool.plain.id
    "aws_cognito_user_pool_client.app" = "${aws_cognito_user_pool.users.id}/${aws_cognito_user_pool_client.app.id}"
    "aws_cognito_user_group.admins"    = "${aws_cognito_user_pool.users.id}/admins"
    "aws_cognito_identity_pool.pool"   = aws_cognito_identity_pool.pool.id
  }
}
