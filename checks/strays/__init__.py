"""What is in the accounts and in no Terraform state, for the check `unmanaged`: whose it is, if it is anybody's."""
