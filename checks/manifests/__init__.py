"""The static reading of an Atmos repository: what its files say, judged without running anything."""
