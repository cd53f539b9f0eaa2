"""What can be restored, and from when: recovery points against what was asked. Pure but for the readers' calls."""
