"""The static reading of an Atmos repository: what its files say, judged without running anything.

Where Atmos gives an answer and the reading differs, Atmos is right. Not followed: YAML functions (`!include` too), Go
templates beyond plain fields, `locals`, remote imports, `env` and `integrations` of atmos.yaml, profiles, components
that are not Terraform's. With lists appended, a base that is inherited by several ways counts once.
"""
