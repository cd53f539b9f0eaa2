"""Speed and memory, measured: `make bench`. Figures with ratios of one run; no test asserts them."""
