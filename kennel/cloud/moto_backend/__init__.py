"""moto as the backend of S3, IAM, Step Functions, CloudWatch, SNS and ECR."""
