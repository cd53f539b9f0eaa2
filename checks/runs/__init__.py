"""What runs of Terraform and Atmos say of themselves in their output, as plain data. Pure."""
