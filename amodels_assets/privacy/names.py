"""Names that assets, checks, the ledger and the command share. Nothing else."""

LEDGER = "privacy/ledger"
LEDGER_FILE = "ledger.json"
PRIVATE_LANGUAGE_MODEL = "training/private_language_model"
CHECKPOINTS = ("training/language_model", PRIVATE_LANGUAGE_MODEL)
RELEASES = ("release/released_language_model", "release/released_model")
# Inputs of a checkpoint that are no source of its own: base models have promises of their own.
MODEL_INPUTS = "models/"
