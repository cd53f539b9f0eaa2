"""The weekly report: facts of complete weeks -> one Report as plain data -> page, message, CSV, JSON, pictures."""
