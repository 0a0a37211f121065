"""Base models: language models that trainings start from, brought from outside and kept verified.

Belongs here: reading foreign model files without trusting them, the manifest that says what a model
is, the store below the platform's home, and packing a model for transport. Does not belong here:
training, scoring or serving a model.

Another room names a base model as an input ``models/<name>`` with the version in its manifest, and
reads it through :class:`amodels_assets.models.store.ModelStore`.
"""
