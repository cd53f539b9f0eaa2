"""`barograph exec`: runs a job unchanged, and tells what became of it. What runs before the job imports little."""
