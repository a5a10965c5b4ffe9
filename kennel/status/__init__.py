"""`kennel status`: what a stack does now, on AWS or in the running `kennel up`."""
