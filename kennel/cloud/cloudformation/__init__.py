"""CloudFormation: templates, intrinsic functions, resource providers, stacks."""
