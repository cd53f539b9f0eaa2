"""What moto does not have: a small, honest stand-in that completes the demo's AWS. It runs in moto's process.

It answers over HTTP what moto cannot, out of what moto holds where it can, else out of *facts* that the demo's mischief
sets. Every other request goes on to moto as it came. No answer of it is ever used outside the demo.
"""
