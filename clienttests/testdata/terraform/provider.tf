terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region      = "us-east-1"
  max_retries = 2
}

variable "stage" {
  default = "one"
}
