# The cases of user pools and of what belongs to them: each argument that the server takes, and its
# change in place.
locals {
  one = var.stage == "one"
}

resource "aws_cognito_user_pool" "users" {
  name                     = "users"
  username_attributes      = ["email"]
  auto_verified_attributes = ["email"]
  deletion_protection      = local.one ? "ACTIVE" : "INACTIVE"
  mfa_configuration        = "OFF"

  username_configuration {
    case_sensitive = false
  }

  password_policy {
    minimum_length                   = local.one ? 10 : 12
    require_lowercase                = true
    require_numbers                  = true
    require_symbols                  = false
    require_uppercase                = true
    temporary_password_validity_days = local.one ? 7 : 3
  }

  account_recovery_setting {
    recovery_mechanism {
      name     = local.one ? "verified_email" : "admin_only"
      priority = 1
    }
  }

  admin_create_user_config {
    allow_admin_create_user_only = !local.one
    invite_message_template {
      email_message = "Your name is {username}, your temporary password {####}."
      email_subject = "Welcome to stage ${var.stage}"
      sms_message   = "{username}: {####}"
    }
  }

  email_configuration {
    email_sending_account = "COGNITO_DEFAULT"
  }

  dynamic "user_attribute_update_settings" {
    for_each = local.one ? ["email"] : []
    content {
      attributes_require_verification_before_update = [user_attribute_update_settings.value]
    }
  }

  user_pool_add_ons {
    advanced_security_mode = "OFF"
  }

  verification_message_template {
    default_email_option = "CONFIRM_WITH_CODE"
    email_message        = "Your code at stage ${var.stage} is {####}."
    email_subject        = "Your code"
    sms_message          = "{####}"
  }

  schema {
    name                = "email"
    attribute_data_type = "String"
    required            = true
    mutable             = true
    string_attribute_constraints {
      min_length = "0"
      max_length = "2048"
    }
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

  schema {
    name                = "seats"
    attribute_data_type = "Number"
    mutable             = true
    number_attribute_constraints {
      min_value = "1"
      max_value = "20"
    }
  }

  dynamic "schema" {
    for_each = local.one ? [] : ["later"]
    content {
      name                = schema.value
      attribute_data_type = "Boolean"
      mutable             = true
    }
  }

  tags = local.one ? { stage = "one", former = "x" } : { stage = "two" }
}

resource "aws_cognito_user_pool" "plain" {
  name = "plain"
}

resource "aws_cognito_user_pool" "aliases" {
  name             = "aliases"
  alias_attributes = ["email", "preferred_username"]
  user_pool_tier   = "ESSENTIALS"
}

resource "aws_cognito_user_pool_client" "app" {
  name                          = "app ${var.stage}"
  user_pool_id                  = aws_cognito_user_pool.users.id
  explicit_auth_flows           = ["ALLOW_USER_SRP_AUTH", local.one ? "ALLOW_REFRESH_TOKEN_AUTH" : "ALLOW_USER_PASSWORD_AUTH"]
  access_token_validity         = local.one ? 30 : 60
  id_token_validity             = 45
  refresh_token_validity        = local.one ? 10 : 20
  auth_session_validity         = local.one ? 3 : 5
  enable_token_revocation       = true
  prevent_user_existence_errors = local.one ? "ENABLED" : "LEGACY"
  read_attributes               = ["email", "email_verified", "custom:plan"]
  write_attributes              = local.one ? ["email"] : ["email", "custom:plan"]
  token_validity_units {
    access_token  = "minutes"
    id_token      = "minutes"
    refresh_token = "days"
  }

  dynamic "refresh_token_rotation" {
    for_each = local.one ? [] : [10]
    content {
      feature                    = "ENABLED"
      retry_grace_period_seconds = refresh_token_rotation.value
    }
  }
}

resource "aws_cognito_user_pool_client" "web" {
  name                                 = "web"
  user_pool_id                         = aws_cognito_user_pool.plain.id
  generate_secret                      = true
  allowed_oauth_flows                  = ["code"]
  allowed_oauth_flows_user_pool_client = true
  allowed_oauth_scopes                 = local.one ? ["openid", "email"] : ["openid"]
  callback_urls                        = ["https://example.com/callback"]
  default_redirect_uri                 = "https://example.com/callback"
  logout_urls                          = ["https://example.com/${var.stage}"]
  supported_identity_providers         = ["COGNITO"]
}

resource "aws_cognito_user_pool_client" "plain" {
  name         = "plain"
  user_pool_id = aws_cognito_user_pool.plain.id
}

resource "aws_cognito_user" "alice" {
  user_pool_id = aws_cognito_user_pool.users.id
  username     = "alice@example.com"
  password     = local.one ? "Secret12345" : "Another67890"
  enabled      = local.one
  attributes = merge({
    email          = "alice@example.com"
    email_verified = true
    plan           = var.stage
  }, local.one ? { seats = 3 } : {})
}

resource "aws_cognito_user" "bob" {
  user_pool_id       = aws_cognito_user_pool.plain.id
  username           = "bob"
  temporary_password = "Temporary-1"
  message_action     = "SUPPRESS"
}

resource "aws_cognito_user" "carol" {
  user_pool_id = aws_cognito_user_pool.plain.id
  username     = "carol"
}

resource "aws_cognito_user_group" "admins" {
  name         = "admins"
  user_pool_id = aws_cognito_user_pool.users.id
  precedence   = local.one ? 1 : 2
  description  = "administrators of stage ${var.stage}"
  role_arn     = local.one ? aws_iam_role.users.arn : aws_iam_role.admins.arn
}

resource "aws_cognito_user_group" "others" {
  name         = "others"
  user_pool_id = aws_cognito_user_pool.users.id
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
    server_side_token_check = local.one
  }
  cognito_identity_providers {
    client_id     = aws_cognito_user_pool_client.web.id
    provider_name = aws_cognito_user_pool.plain.endpoint
  }
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession"]
    principals {
      type        = "Federated"
      identifiers = ["cognito-identity.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "cognito-identity.amazonaws.com:aud"
      values   = [aws_cognito_identity_pool.pool.id]
    }
  }
}

resource "aws_iam_role" "users" {
  name               = "users"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role" "admins" {
  name               = "admins"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_cognito_identity_pool_roles_attachment" "roles" {
  identity_pool_id = aws_cognito_identity_pool.pool.id
  roles            = { authenticated = aws_iam_role.users.arn }

  role_mapping {
    identity_provider         = "${aws_cognito_user_pool.users.endpoint}:${aws_cognito_user_pool_client.app.id}"
    ambiguous_role_resolution = local.one ? "AuthenticatedRole" : "Deny"
    type                      = "Token"
  }

  role_mapping {
    identity_provider         = "${aws_cognito_user_pool.plain.endpoint}:${aws_cognito_user_pool_client.web.id}"
    ambiguous_role_resolution = "AuthenticatedRole"
    type                      = "Rules"
    mapping_rule {
      claim      = "custom:plan"
      match_type = "Equals"
      role_arn   = aws_iam_role.admins.arn
      value      = var.stage
    }
  }
}

resource "aws_cognito_identity_pool_provider_principal_tag" "users" {
  identity_pool_id       = aws_cognito_identity_pool.pool.id
  identity_provider_name = aws_cognito_user_pool.users.endpoint
  use_defaults           = false
  principal_tags         = { plan = "custom:plan", stage = var.stage }
}

resource "aws_cognito_identity_pool_provider_principal_tag" "plain" {
  identity_pool_id       = aws_cognito_identity_pool.pool.id
  identity_provider_name = aws_cognito_user_pool.plain.endpoint
  use_defaults           = true
  principal_tags         = { client = "aud", username = "sub" }
}

data "aws_cognito_user_pools" "named" {
  name       = "users"
  depends_on = [aws_cognito_user_pool.users]
}

data "aws_cognito_user_pool" "users" {
  user_pool_id = aws_cognito_user_pool.users.id
}

data "aws_cognito_user_pool_client" "app" {
  user_pool_id = aws_cognito_user_pool.users.id
  client_id    = aws_cognito_user_pool_client.app.id
}

data "aws_cognito_user_pool_clients" "all" {
  user_pool_id = aws_cognito_user_pool.plain.id
  depends_on   = [aws_cognito_user_pool_client.web, aws_cognito_user_pool_client.plain]
}

data "aws_cognito_user_group" "admins" {
  user_pool_id = aws_cognito_user_pool.users.id
  name         = aws_cognito_user_group.admins.name
}

data "aws_cognito_user_groups" "all" {
  user_pool_id = aws_cognito_user_pool.users.id
  depends_on   = [aws_cognito_user_group.admins, aws_cognito_user_group.others]
}

output "seen" {
  value = join(" ", [
    length(data.aws_cognito_user_pools.named.ids), data.aws_cognito_user_pool.users.name,
    data.aws_cognito_user_pool_client.app.name, join(",", sort(data.aws_cognito_user_pool_clients.all.client_names)),
    data.aws_cognito_user_group.admins.precedence, length(data.aws_cognito_user_groups.all.groups),
    aws_cognito_user.alice.status, aws_cognito_user.bob.status,
  ])
}

output "signin" {
  value = {
    client   = aws_cognito_user_pool_client.app.id
    users    = aws_cognito_user_pool.users.id
    provider = aws_cognito_user_pool.users.endpoint
    pool     = aws_cognito_identity_pool.pool.id
  }
}

output "imports" {
  value = {
    "aws_cognito_user_pool.users"        = aws_cognito_user_pool.users.id
    "aws_cognito_user_pool.plain"        = aws_cognito_user_pool.plain.id
    "aws_cognito_user_pool.aliases"      = aws_cognito_user_pool.aliases.id
    "aws_cognito_user_pool_client.app"   = "${aws_cognito_user_pool.users.id}/${aws_cognito_user_pool_client.app.id}"
    "aws_cognito_user_pool_client.plain" = "${aws_cognito_user_pool.plain.id}/${aws_cognito_user_pool_client.plain.id}"
    "aws_cognito_user.carol"             = "${aws_cognito_user_pool.plain.id}/carol"
    "aws_cognito_user_group.admins"      = "${aws_cognito_user_pool.users.id}/admins"
    "aws_cognito_user_group.others"      = "${aws_cognito_user_pool.users.id}/others"
    "aws_cognito_identity_pool.pool"     = aws_cognito_identity_pool.pool.id

    "aws_cognito_identity_pool_roles_attachment.roles"       = aws_cognito_identity_pool.pool.id
    "aws_cognito_identity_pool_provider_principal_tag.users" = "${aws_cognito_identity_pool.pool.id}:${aws_cognito_user_pool.users.endpoint}"
    "aws_cognito_identity_pool_provider_principal_tag.plain" = "${aws_cognito_identity_pool.pool.id}:${aws_cognito_user_pool.plain.endpoint}"
  }
}
