"""The audit trail: rows that each hold the hash of the one before; checked, exported, and anchored outside."""
