# Who deploys from GitHub Actions: by OpenID Connect, with no key that could be lost. The role may
# move versions of this function and push to its repository; it may not touch what Terraform keeps.
# Only where var.github names a repository, of which var.github_subject tells branch or environment.

locals {
  github  = var.github == null ? toset([]) : toset([var.github])
  issuer  = "token.actions.githubusercontent.com"
  account = "${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}"
}

resource "aws_iam_role" "deployer" {
  for_each           = local.github
  name               = "${var.name}-${var.region}-deploy"
  description        = "What workflows of ${each.value} deploy ${var.name} as."
  assume_role_policy = data.aws_iam_policy_document.github[each.value].json
}

data "aws_iam_policy_document" "github" {
  for_each = local.github
  statement {
    actions = ["sts:AssumeRoleWithWebIdentity"]
    principals {
      type        = "Federated"
      identifiers = ["arn:${local.account}:oidc-provider/${local.issuer}"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:aud"
      values   = ["sts.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "${local.issuer}:sub"
      values   = ["repo:${each.value}:${var.github_subject}"]
    }
  }
}

resource "aws_iam_role_policy" "deployer" {
  for_each = local.github
  name     = "deploy"
  role     = aws_iam_role.deployer[each.value].id
  policy   = data.aws_iam_policy_document.deployer.json
}

data "aws_iam_policy_document" "deployer" {
  statement {
    actions = [
      "lambda:GetAlias",
      "lambda:GetFunction",
      "lambda:GetFunctionConfiguration",
      "lambda:InvokeFunction",
      "lambda:ListTags",
      "lambda:ListVersionsByFunction",
      "lambda:PublishVersion",
      "lambda:UpdateAlias",
      "lambda:UpdateFunctionCode",
      "lambda:UpdateFunctionConfiguration",
    ]
    resources = [
      aws_lambda_function.model.arn,
      "${aws_lambda_function.model.arn}:*",
    ]
  }
  # To tell beforehand what it may not.
  statement {
    actions   = ["iam:SimulatePrincipalPolicy"]
    resources = ["arn:${local.account}:role/${var.name}-${var.region}-deploy"]
  }
  statement {
    actions   = ["ecr:GetAuthorizationToken"]
    resources = ["*"]
  }
  statement {
    actions = [
      "ecr:BatchCheckLayerAvailability",
      "ecr:BatchGetImage",
      "ecr:CompleteLayerUpload",
      "ecr:DescribeImages",
      "ecr:DescribeRepositories",
      "ecr:GetDownloadUrlForLayer",
      "ecr:GetRepositoryPolicy",
      "ecr:InitiateLayerUpload",
      "ecr:PutImage",
      "ecr:UploadLayerPart",
    ]
    resources = ["arn:${data.aws_partition.current.partition}:ecr:${var.region}:${data.aws_caller_identity.current.account_id}:repository/${var.repository}"]
  }
}
