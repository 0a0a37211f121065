"""The plans of the folders that an installation has chosen to run.

Belongs here: finding the catalog and choosing from it. Does not belong here: what a plan is.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from amodels_assets.artifacts import ArtifactStore
from amodels_assets.controlm.plan import TABLES, JobPlan, job_plans

CATALOG = "sgmi/catalog"


def chosen_plans(store: ArtifactStore, folders: Sequence[str]) -> list[JobPlan]:
    """Plans of the chosen folders out of the newest catalog; none where none is chosen.

    Args:
        store: Holds the catalog.
        folders: Names of outermost folders; ``*`` for all.
    """
    if not folders:
        return []
    catalog = store.find(CATALOG)
    if catalog is None:
        logging.getLogger(__name__).warning(
            "AMODELS_CONTROLM_FOLDERS names folders, but no catalog has been made yet: "
            "materialize the group sgmi, then load the definitions again"
        )
        return []
    plans = job_plans({name: catalog.table(name) for name in TABLES}, folders)
    missing = sorted(set(folders) - {"*"} - {plan.folder.split("/")[0] for plan in plans})
    if missing:
        logging.getLogger(__name__).warning(
            "AMODELS_CONTROLM_FOLDERS names folders that the catalog does not have: %s",
            ", ".join(missing),
        )
    return plans
