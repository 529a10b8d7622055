# The data sources that modules read before they create anything.
data "aws_caller_identity" "me" {}
data "aws_partition" "here" {}
data "aws_region" "here" {}

data "aws_iam_policy_document" "base" {
  statement {
    sid       = "List"
    actions   = ["s3:ListBucket"]
    resources = ["arn:${data.aws_partition.here.partition}:s3:::bucket"]
    condition {
      test     = "StringLike"
      variable = "s3:prefix"
      values   = ["", "home/", "home/&{aws:username}/"]
    }
  }
}

data "aws_iam_policy_document" "whole" {
  source_policy_documents = [data.aws_iam_policy_document.base.json]
  statement {
    sid           = "Rest"
    effect        = "Deny"
    not_actions   = ["s3:Get*"]
    not_resources = ["arn:aws:s3:::bucket/*"]
  }
}

resource "aws_iam_role" "reader" {
  name = "reader"
  path = "/reads/"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = data.aws_caller_identity.me.account_id } }]
  })
}

resource "aws_iam_policy" "whole" {
  name   = "whole"
  path   = "/reads/"
  policy = data.aws_iam_policy_document.whole.json
  tags   = { purpose = "reads" }
}

resource "aws_cognito_identity_pool" "pool" {
  identity_pool_name = "reads"
}

data "aws_iam_role" "reader" { name = aws_iam_role.reader.name }
data "aws_iam_roles" "all" {
  name_regex  = "read.*"
  path_prefix = "/reads/"
  depends_on  = [aws_iam_role.reader]
}
data "aws_iam_policy" "by_arn" { arn = aws_iam_policy.whole.arn }
data "aws_iam_policy" "by_name" {
  name        = aws_iam_policy.whole.name
  path_prefix = "/reads/"
}
data "aws_iam_policy" "aws" { name = "AmazonS3ReadOnlyAccess" }
data "aws_iam_session_context" "session" {
  arn = "arn:${data.aws_partition.here.partition}:sts::${data.aws_caller_identity.me.account_id}:assumed-role/${aws_iam_role.reader.name}/me"
}
data "aws_iam_users" "all" {}
data "aws_iam_instance_profiles" "reader" { role_name = aws_iam_role.reader.name }
data "aws_cognito_identity_pool" "pool" { identity_pool_name = aws_cognito_identity_pool.pool.identity_pool_name }

# What modules ask before they do something: may this role?
resource "aws_iam_role_policy" "reader" {
  name = "files"
  role = aws_iam_role.reader.name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "s3:GetObject"
      Resource  = "arn:aws:s3:::bucket/*"
      Condition = { Bool = { "aws:SecureTransport" = "true" } }
    }]
  })
}
data "aws_iam_principal_policy_simulation" "may" {
  policy_source_arn = aws_iam_role.reader.arn
  action_names      = ["s3:GetObject"]
  resource_arns     = ["arn:aws:s3:::bucket/a"]
  context {
    key    = "aws:SecureTransport"
    type   = "boolean"
    values = ["true"]
  }
  depends_on = [aws_iam_role_policy.reader]
}
data "aws_iam_principal_policy_simulation" "may_not" {
  policy_source_arn         = aws_iam_role.reader.arn
  action_names              = ["s3:GetObject", "s3:PutObject"]
  resource_owner_account_id = data.aws_caller_identity.me.account_id
  depends_on                = [aws_iam_role_policy.reader]
}

output "seen" {
  value = {
    may = join(" ", [
      data.aws_iam_principal_policy_simulation.may.all_allowed,
      tolist(tolist(data.aws_iam_principal_policy_simulation.may.results)[0].matched_statements)[0].source_policy_id,
    ])
    may_not = join(" ", concat(
      [data.aws_iam_principal_policy_simulation.may_not.all_allowed],
      [for r in data.aws_iam_principal_policy_simulation.may_not.results : "${r.action_name} ${r.decision}"],
      tolist(tolist(data.aws_iam_principal_policy_simulation.may_not.results)[0].missing_context_keys),
    ))
    account  = data.aws_caller_identity.me.account_id
    caller   = data.aws_caller_identity.me.arn
    region   = data.aws_region.here.name
    suffix   = data.aws_partition.here.dns_suffix
    role     = data.aws_iam_role.reader.arn
    roles    = join(" ", data.aws_iam_roles.all.arns)
    by_arn   = "${data.aws_iam_policy.by_arn.name} ${data.aws_iam_policy.by_arn.tags.purpose}"
    by_name  = data.aws_iam_policy.by_name.arn
    document = jsondecode(data.aws_iam_policy.by_arn.policy).Statement[1].Sid
    aws      = "${data.aws_iam_policy.aws.arn} ${jsondecode(data.aws_iam_policy.aws.policy).Statement[0].Action[0]}"
    session  = "${data.aws_iam_session_context.session.issuer_arn} ${data.aws_iam_session_context.session.session_name}"
    users    = length(data.aws_iam_users.all.names)
    profiles = length(data.aws_iam_instance_profiles.reader.names)
    pool     = data.aws_cognito_identity_pool.pool.id == aws_cognito_identity_pool.pool.id
    classic  = data.aws_cognito_identity_pool.pool.allow_classic_flow
  }
}
