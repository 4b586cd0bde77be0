"""What runs inside the COMET environment: standard library, torch, unbabel-comet or transformers, nothing of mevals.

`start.py` loads this folder as a package of its own, so that mevals need not be importable there.
"""
