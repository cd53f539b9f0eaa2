"""What CloudTrail tells: who did what, read and told apart. Standard library and `checks` only."""
