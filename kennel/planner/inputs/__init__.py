"""What a plan is made from: settings, traffic, distributions of time, and prices."""
