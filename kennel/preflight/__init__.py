"""`kennel preflight`: everything that would stop a deploy, in one list, before a cent is spent."""
