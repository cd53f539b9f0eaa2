"""Which IAM actions Barograph's roles have in each account, and which they lack: `barograph preflight --aws`."""
