"""The image, built and run. `make container` runs these, as root, with the programs of engine.py."""
