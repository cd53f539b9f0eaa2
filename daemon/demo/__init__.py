"""The embedded world of the demo: AWS, Terraform, a repository and mischief, all on this machine."""
