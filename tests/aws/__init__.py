"""AWS for tests: a fake behind the real clients, moto, and what every check has to survive."""
