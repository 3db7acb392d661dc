# The repository of images: a tag is for ever, and what is pushed is scanned.

resource "aws_ecr_repository" "images" {
  name                 = var.name
  image_tag_mutability = "IMMUTABLE"

  image_scanning_configuration {
    scan_on_push = true
  }

  encryption_configuration {
    encryption_type = "AES256"
  }
}

data "aws_caller_identity" "current" {}
data "aws_partition" "current" {}

# That functions of this account may pull from it; without it Lambda writes such a policy itself.
resource "aws_ecr_repository_policy" "lambda" {
  repository = aws_ecr_repository.images.name
  policy     = data.aws_iam_policy_document.lambda.json
}

data "aws_iam_policy_document" "lambda" {
  statement {
    sid     = "LambdaECRImageRetrievalPolicy"
    actions = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com"]
    }
    condition {
      test     = "StringLike"
      variable = "aws:sourceArn"
      values   = ["arn:${data.aws_partition.current.partition}:lambda:${var.region}:${data.aws_caller_identity.current.account_id}:function:*"]
    }
  }
}

variable "name" {
  description = "Name of the repository."
  type        = string
}

variable "region" {
  description = "Region of AWS."
  type        = string
}

output "url" {
  description = "Where images are pushed to."
  value       = aws_ecr_repository.images.repository_url
}
