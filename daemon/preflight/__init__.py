"""What `barograph preflight` prints, and whom it asks."""
