"""Reading Terraform plans: normalise, redact, classify. Pure functions over `terraform show -json`."""
