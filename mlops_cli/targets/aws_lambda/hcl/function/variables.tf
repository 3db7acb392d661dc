# Values are in terraform.tfvars.json and image.auto.tfvars.json, which mlops deploy writes from the
# settings of its target.

variable "name" {
  description = "Name of the function, and of what belongs to it."
  type        = string
}

variable "region" {
  description = "Region of AWS."
  type        = string
}

variable "repository" {
  description = "Repository of ECR that images are pushed to."
  type        = string
}

variable "image" {
  description = "The image that the function begins with, by its digest."
  type        = string
  validation {
    condition     = can(regex("@sha256:[0-9a-f]{64}$", var.image))
    error_message = "No image is pushed yet: mlops deploy pushes one, and fills this in."
  }
}

variable "description" {
  description = "What that image answers with."
  type        = string
}

variable "api_keys" {
  description = "Hashes of the API keys that the function begins with, from TF_VAR_api_keys."
  type        = string
  default     = ""
  sensitive   = true
}

variable "architecture" {
  description = "x86_64 or arm64, as the image."
  type        = string
}

variable "memory" {
  description = "Memory in MB; the share of a processor grows with it."
  type        = number
}

variable "timeout" {
  description = "Seconds that one request may take."
  type        = number
}

variable "concurrency" {
  description = "Most requests at once; -1: what the account has."
  type        = number
}

variable "rate" {
  description = "Requests a second that the API lets in."
  type        = number
}

variable "burst" {
  description = "Requests that it lets in at one moment."
  type        = number
}

variable "log_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "github" {
  description = "Repository whose workflows may deploy, as OWNER/NAME; null: none."
  type        = string
}

variable "github_subject" {
  description = "Of that repository, the branch or environment that may."
  type        = string
}
