"""How much of what there is is used: what the check `utilization` rests on."""
