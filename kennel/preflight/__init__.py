"""`kennel preflight`: check, before it costs anything, whether the stack can be deployed."""
