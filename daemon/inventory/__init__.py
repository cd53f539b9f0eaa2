"""What is watched: sources of component instances, and what is known of each."""
