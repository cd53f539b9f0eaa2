"""Which AWS accounts and regions are watched: from the configuration, the organization, the stacks; kept current."""
