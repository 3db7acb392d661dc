terraform {
  required_version = ">= 1.10"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.80, < 7"
    }
  }
}

provider "aws" {
  region = var.region
  default_tags {
    tags = {
      "managed-by" = "mlops"
      "deployment" = var.name
    }
  }
  # mlops deploy notes on the function what it was made from.
  ignore_tags {
    key_prefixes = ["mlops:"]
  }
}
