# What the server does not simulate: each of these resources is refused.
resource "aws_cognito_user_pool" "users" {
  name = "users"
}

resource "aws_cognito_user_pool" "triggers" {
  name = "triggers"
  lambda_config {
    pre_sign_up = "arn:aws:lambda:us-east-1:000000000000:function:check"
  }
}

resource "aws_cognito_user_pool" "devices" {
  name = "devices"
  device_configuration {
    challenge_required_on_new_device      = false
    device_only_remembered_on_user_prompt = false
  }
}

resource "aws_cognito_user_pool" "threats" {
  name = "threats"
  user_pool_add_ons {
    advanced_security_mode = "ENFORCED"
  }
}

resource "aws_cognito_user_pool" "links" {
  name = "links"
  verification_message_template {
    default_email_option = "CONFIRM_WITH_LINK"
  }
}

resource "aws_cognito_user_pool" "factors" {
  name              = "factors"
  mfa_configuration = "OPTIONAL"
  software_token_mfa_configuration {
    enabled = true
  }
}

resource "aws_cognito_user_pool_domain" "login" {
  domain       = "login"
  user_pool_id = aws_cognito_user_pool.users.id
}

resource "aws_cognito_resource_server" "api" {
  identifier   = "https://api.example.com"
  name         = "api"
  user_pool_id = aws_cognito_user_pool.users.id
}

resource "aws_cognito_identity_provider" "google" {
  user_pool_id     = aws_cognito_user_pool.users.id
  provider_name    = "Google"
  provider_type    = "Google"
  provider_details = { authorize_scopes = "email", client_id = "id", client_secret = "secret" }
}

resource "aws_cognito_risk_configuration" "risk" {
  user_pool_id = aws_cognito_user_pool.users.id
  risk_exception_configuration {
    blocked_ip_range_list = ["10.0.0.0/32"]
  }
}

resource "aws_cognito_user_pool_ui_customization" "look" {
  user_pool_id = aws_cognito_user_pool.users.id
  css          = ".label-customizable {font-weight: 400;}"
}
