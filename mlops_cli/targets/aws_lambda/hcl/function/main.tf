# The function that answers, and all that leads to it: role, logs, versions' alias, HTTP API.
#
# Terraform keeps what lasts. Which version answers, with which share, and the API keys are moved by
# mlops deploy (canary and rollback take no Terraform), so a plan has nothing to say of them.

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

resource "aws_cloudwatch_log_group" "function" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_days
}

resource "aws_iam_role" "function" {
  name               = "${var.name}-${var.region}"
  description        = "What the function ${var.name} may: write its log, and nothing else."
  assume_role_policy = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "lambda" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
  }
}

resource "aws_iam_role_policy" "logs" {
  name   = "logs"
  role   = aws_iam_role.function.id
  policy = data.aws_iam_policy_document.logs.json
}

data "aws_iam_policy_document" "logs" {
  statement {
    actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
    resources = ["${aws_cloudwatch_log_group.function.arn}:*"]
  }
}

resource "aws_lambda_function" "model" {
  function_name                  = var.name
  description                    = var.description
  role                           = aws_iam_role.function.arn
  package_type                   = "Image"
  image_uri                      = var.image
  architectures                  = [var.architecture]
  memory_size                    = var.memory
  timeout                        = var.timeout
  reserved_concurrent_executions = var.concurrency
  publish                        = true

  # What the image begins with by itself; named, so that a plan has no change to tell of.
  image_config {
    command = ["mlops_cli.serving.aws_lambda.handler"]
  }

  dynamic "environment" {
    for_each = nonsensitive(var.api_keys == "") ? [] : ["given"]
    content {
      variables = { MLOPS_API_KEYS = var.api_keys }
    }
  }

  lifecycle {
    ignore_changes = [image_uri, description, environment]
  }

  depends_on = [aws_cloudwatch_log_group.function, aws_iam_role_policy.logs]
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  description      = "What answers; a canary has its share here."
  function_name    = aws_lambda_function.model.function_name
  function_version = aws_lambda_function.model.version

  lifecycle {
    ignore_changes = [function_version, routing_config]
  }
}
