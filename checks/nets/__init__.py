"""Networks as plain data: address ranges, who reaches whom, what runs out, what leads nowhere. Pure; asks nobody."""
