"""The service: configuration, inventory, planning, store, scheduler, web. The only package that knows all others."""
