"""Which checkpoint is served, and why.

Belongs here: the gate's rules, the release manifest, retention of old checkpoints. Does not
belong here: how a score is computed (``evaluation``) and how a release is served (``serving``).
"""
