# The cases of roles and policies: each argument that the provider documents, and its change.
locals {
  trust = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = "sts:AssumeRole", Principal = { AWS = data.aws_caller_identity.me.account_id } }]
  })
  document = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = [var.stage == "one" ? "s3:GetObject" : "s3:PutObject"], Resource = "*" }]
  })
}

data "aws_caller_identity" "me" {}

resource "aws_iam_role" "basic" {
  name               = "basic"
  assume_role_policy = local.trust
}

resource "aws_iam_role" "prefixed" {
  name_prefix        = "prefixed-"
  assume_role_policy = local.trust
}

resource "aws_iam_role" "whole" {
  name                 = "whole"
  path                 = "/team/app/"
  description          = "the role of stage ${var.stage}"
  assume_role_policy   = var.stage == "one" ? local.trust : replace(local.trust, "sts:AssumeRole", "sts:*")
  max_session_duration = var.stage == "one" ? 3600 : 43200
  permissions_boundary = var.stage == "one" ? aws_iam_policy.basic.arn : aws_iam_policy.whole.arn
  tags                 = var.stage == "one" ? { a = "1", b = "2" } : { b = "3", c = "" }
}

resource "aws_iam_policy" "basic" {
  name   = "basic"
  policy = local.document
}

resource "aws_iam_policy" "prefixed" {
  name_prefix = "prefixed-"
  policy      = local.document
}

resource "aws_iam_policy" "whole" {
  name        = "whole"
  path        = "/team/"
  description = "what the role may do"
  policy      = local.document
  tags        = { stage = var.stage }
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.basic.id
  policy = local.document
}

resource "aws_iam_role_policy" "prefixed" {
  name_prefix = "prefixed-"
  role        = aws_iam_role.basic.name
  policy      = local.document
}

resource "aws_iam_role_policies_exclusive" "basic" {
  role_name    = aws_iam_role.basic.name
  policy_names = [aws_iam_role_policy.inline.name, aws_iam_role_policy.prefixed.name]
}

resource "aws_iam_role_policies_exclusive" "none" {
  role_name    = aws_iam_role.whole.name
  policy_names = []
}

resource "aws_iam_role_policy_attachment" "own" {
  role       = aws_iam_role.whole.name
  policy_arn = var.stage == "one" ? aws_iam_policy.basic.arn : aws_iam_policy.prefixed.arn
}

resource "aws_iam_role_policy_attachment" "aws" {
  role       = aws_iam_role.whole.name
  policy_arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
}

resource "aws_iam_role_policy_attachments_exclusive" "whole" {
  role_name   = aws_iam_role.whole.name
  policy_arns = [aws_iam_role_policy_attachment.own.policy_arn, aws_iam_role_policy_attachment.aws.policy_arn]
}

output "imports" {
  value = {
    "aws_iam_role.basic"                              = aws_iam_role.basic.name
    "aws_iam_role.prefixed"                           = aws_iam_role.prefixed.name
    "aws_iam_role.whole"                              = aws_iam_role.whole.name
    "aws_iam_policy.basic"                            = aws_iam_policy.basic.arn
    "aws_iam_policy.prefixed"                         = aws_iam_policy.prefixed.arn
    "aws_iam_policy.whole"                            = aws_iam_policy.whole.arn
    "aws_iam_role_policy.inline"                      = aws_iam_role_policy.inline.id
    "aws_iam_role_policy.prefixed"                    = aws_iam_role_policy.prefixed.id
    "aws_iam_role_policies_exclusive.basic"           = aws_iam_role.basic.name
    "aws_iam_role_policies_exclusive.none"            = aws_iam_role.whole.name
    "aws_iam_role_policy_attachment.own"              = "${aws_iam_role.whole.name}/${aws_iam_role_policy_attachment.own.policy_arn}"
    "aws_iam_role_policy_attachment.aws"              = "${aws_iam_role.whole.name}/${aws_iam_role_policy_attachment.aws.policy_arn}"
    "aws_iam_role_policy_attachments_exclusive.whole" = aws_iam_role.whole.name
  }
}

output "seen" {
  value = "${aws_iam_role.whole.arn} ${length(aws_iam_role.prefixed.name)}"
}
