"""IAM: identities, policies, and the authorisation of each call."""
