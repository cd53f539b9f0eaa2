"""What the guideline and the configuration expect of each environment, held against its resources."""
