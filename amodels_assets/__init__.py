"""The aModels code location: one package per stage of the data's way (see docs/architecture.md)."""
