# The cases of aws_cognito_identity_pool and of what belongs to a pool: each argument that the
# provider documents, and its change.
resource "aws_iam_openid_connect_provider" "one" {
  url            = "https://one.example.com"
  client_id_list = ["app"]
}

resource "aws_iam_openid_connect_provider" "two" {
  url             = "https://two.example.com/realm"
  client_id_list  = var.stage == "one" ? ["app"] : ["app", "other"]
  thumbprint_list = [var.stage == "one" ? "cf23df2207d99a74fbe169e3eba035e633b65d94" : "cf23df2207d99a74fbe169e3eba035e633b65d95"]
  tags            = { stage = var.stage }
}

resource "aws_iam_saml_provider" "corp" {
  name                   = "Corp"
  saml_metadata_document = file("${path.module}/${var.stage}.xml")
  tags                   = { stage = var.stage }
}

resource "aws_cognito_identity_pool" "basic" {
  identity_pool_name = "basic"
}

resource "aws_cognito_identity_pool" "guests" {
  identity_pool_name               = "guests"
  allow_unauthenticated_identities = var.stage == "one"
  allow_classic_flow               = var.stage == "two"
}

resource "aws_cognito_identity_pool" "developer" {
  identity_pool_name      = "developer"
  developer_provider_name = "my.developer"
}

resource "aws_cognito_identity_pool" "social" {
  identity_pool_name = "social"
  supported_login_providers = var.stage == "one" ? { "graph.facebook.com" = "7346241598935552" } : {
    "graph.facebook.com"  = "7346241598935555"
    "accounts.google.com" = "123456789012.apps.googleusercontent.com"
  }
}

resource "aws_cognito_identity_pool" "openid" {
  identity_pool_name = "openid"
  openid_connect_provider_arns = var.stage == "one" ? [aws_iam_openid_connect_provider.one.arn] : [
    aws_iam_openid_connect_provider.one.arn, aws_iam_openid_connect_provider.two.arn,
  ]
}

resource "aws_cognito_identity_pool" "saml" {
  identity_pool_name = "saml"
  saml_provider_arns = var.stage == "one" ? [aws_iam_saml_provider.corp.arn] : []
}

resource "aws_cognito_identity_pool" "userpools" {
  identity_pool_name = "userpools"

  cognito_identity_providers {
    client_id               = "7lhlkkfbfb4q5kpp90urffao"
    provider_name           = "cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab129faBb"
    server_side_token_check = false
  }

  dynamic "cognito_identity_providers" {
    for_each = var.stage == "two" ? ["cognito-idp.us-east-1.amazonaws.com/us-east-1_Zr231apJu"] : []
    content {
      client_id               = "3vmpfgnvkhk9rs9cm64mbtjo"
      provider_name           = cognito_identity_providers.value
      server_side_token_check = false
    }
  }
}

resource "aws_cognito_identity_pool" "tagged" {
  identity_pool_name = "tagged"
  tags               = var.stage == "one" ? { key1 = "value1" } : { key1 = "value1updated", key2 = "value2" }
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
      values   = [aws_cognito_identity_pool.social.id, aws_cognito_identity_pool.guests.id]
    }
    condition {
      test     = "ForAnyValue:StringLike"
      variable = "cognito-identity.amazonaws.com:amr"
      values   = ["authenticated"]
    }
  }
}

resource "aws_iam_role" "users" {
  name               = "users"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role" "guests" {
  name               = "guests"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_cognito_identity_pool_roles_attachment" "roles" {
  identity_pool_id = aws_cognito_identity_pool.guests.id
  roles = var.stage == "one" ? { authenticated = aws_iam_role.users.arn } : {
    authenticated   = aws_iam_role.users.arn
    unauthenticated = aws_iam_role.guests.arn
  }
}

resource "aws_cognito_identity_pool_roles_attachment" "mapped" {
  identity_pool_id = aws_cognito_identity_pool.social.id
  roles            = { authenticated = aws_iam_role.users.arn }

  role_mapping {
    identity_provider         = "graph.facebook.com"
    ambiguous_role_resolution = var.stage == "one" ? "AuthenticatedRole" : "Deny"
    type                      = "Rules"

    mapping_rule {
      claim      = "isAdmin"
      match_type = "Equals"
      role_arn   = aws_iam_role.users.arn
      value      = "paid"
    }

    dynamic "mapping_rule" {
      for_each = var.stage == "two" ? ["beta"] : []
      content {
        claim      = "team"
        match_type = "StartsWith"
        role_arn   = aws_iam_role.guests.arn
        value      = mapping_rule.value
      }
    }
  }
}

resource "aws_cognito_identity_pool_provider_principal_tag" "tags" {
  identity_pool_id       = aws_cognito_identity_pool.openid.id
  identity_provider_name = aws_iam_openid_connect_provider.one.arn
  use_defaults           = false
  principal_tags         = var.stage == "one" ? { department = "dept" } : { department = "unit", site = "site" }
}

data "aws_cognito_identity_pool" "tagged" {
  identity_pool_name = aws_cognito_identity_pool.tagged.identity_pool_name
}

output "imports" {
  value = {
    "aws_iam_openid_connect_provider.one" = aws_iam_openid_connect_provider.one.arn
    "aws_iam_openid_connect_provider.two" = aws_iam_openid_connect_provider.two.arn
    "aws_iam_saml_provider.corp"          = aws_iam_saml_provider.corp.arn
    "aws_cognito_identity_pool.basic"     = aws_cognito_identity_pool.basic.id
    "aws_cognito_identity_pool.guests"    = aws_cognito_identity_pool.guests.id
    "aws_cognito_identity_pool.developer" = aws_cognito_identity_pool.developer.id
    "aws_cognito_identity_pool.social"    = aws_cognito_identity_pool.social.id
    "aws_cognito_identity_pool.openid"    = aws_cognito_identity_pool.openid.id
    "aws_cognito_identity_pool.saml"      = aws_cognito_identity_pool.saml.id
    "aws_cognito_identity_pool.userpools" = aws_cognito_identity_pool.userpools.id
    "aws_cognito_identity_pool.tagged"    = aws_cognito_identity_pool.tagged.id
    "aws_iam_role.users"                  = aws_iam_role.users.name
    "aws_iam_role.guests"                 = aws_iam_role.guests.name

    "aws_cognito_identity_pool_roles_attachment.roles"      = aws_cognito_identity_pool.guests.id
    "aws_cognito_identity_pool_roles_attachment.mapped"     = aws_cognito_identity_pool.social.id
    "aws_cognito_identity_pool_provider_principal_tag.tags" = "${aws_cognito_identity_pool.openid.id}:${aws_iam_openid_connect_provider.one.arn}"
  }
}

output "seen" {
  value = data.aws_cognito_identity_pool.tagged.id == aws_cognito_identity_pool.tagged.id ? "the same pool" : "another pool"
}
