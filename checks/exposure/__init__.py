"""What is open that should be closed: pure judgements, and the looks that feed them. For the check `security`."""
