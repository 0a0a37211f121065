"""Names that assets, checks, the gate and the command line share. Nothing else."""

QUESTIONS = "datasets/catalog_questions"
CHECKPOINTS = ("training/language_model", "training/private_language_model")
RELEASED = "release/released_language_model"
LEADERBOARD = "evaluation/language_leaderboard"
PROFILE = "evaluation/language_profile"

CATALOG_QA = "catalog_qa"
CATALOG_QA_CHOICE = "catalog_qa_choice"
CATALOG_QA_RECALL = "catalog_qa_recall"
OWN = (CATALOG_QA, CATALOG_QA_CHOICE, CATALOG_QA_RECALL)


def scores_of(benchmark: str) -> str:
    """Name of the artifact that holds a benchmark's scores."""
    return f"evaluation/language_{benchmark}"
