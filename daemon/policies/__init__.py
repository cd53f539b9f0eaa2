"""The IAM policies that Barograph's roles need, made of what the checks declare and of what the daemon asks itself."""
