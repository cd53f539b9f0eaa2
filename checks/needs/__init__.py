"""What new resources need that AWS has or has not: for `barograph preflight`."""
