output "url" {
  description = "Where it answers."
  value       = aws_apigatewayv2_stage.default.invoke_url
}

output "function" {
  description = "The function, by the alias that answers."
  value       = aws_lambda_alias.live.arn
}

output "deployer" {
  description = "The role for aws-actions/configure-aws-credentials; null without var.github."
  value       = try(one(values(aws_iam_role.deployer)).arn, null)
}
