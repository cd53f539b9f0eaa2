"""What deploy/ and docs/container.md offer to copy: it is loaded, validated and held together here."""
