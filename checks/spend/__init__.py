"""What AWS costs, and what of it is for nothing: the parts of the cost check."""
