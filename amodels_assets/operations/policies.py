"""Objectives as Dagster has them: a freshness policy on each asset that has one to keep.

Belongs here: what an objective becomes in the definitions, and whether it fits them. Does not
belong here: whether it is kept (``checks.py``). Only the definitions import it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

import dagster as dg

from amodels_assets.datasets.sections import SpecError
from amodels_assets.operations.objectives import Objective


def with_freshness_policies(assets: Iterable[Any], objectives: Sequence[Objective]) -> list[Any]:
    """The assets, those with an objective for freshness with its policy.

    Dagster then shows each of them as fresh, or not, by the newest time that it was made.

    Args:
        assets: Definitions, specifications and observable sources.
        objectives: All of them.
    """
    policies = {
        key_of(each): dg.FreshnessPolicy.time_window(fail_window=timedelta(seconds=each.within))
        for each in objectives
        if each.dimension == "freshness"
    }

    def with_policy(spec: dg.AssetSpec) -> dg.AssetSpec:
        policy = policies.get(spec.key)
        return spec if policy is None else dg.apply_freshness_policy(spec, policy)

    found = []
    for asset in assets:
        if isinstance(asset, dg.AssetsDefinition) and not policies.keys().isdisjoint(asset.keys):
            found.append(asset.map_asset_specs(with_policy))
        else:
            found.append(with_policy(asset) if isinstance(asset, dg.AssetSpec) else asset)
    return found


def require_known(
    assets: Iterable[Any],
    checks: Iterable[dg.AssetChecksDefinition],
    objectives: Sequence[Objective],
) -> None:
    """Refuse objectives for what is not there.

    Raises:
        SpecError: An objective names an asset or a check that does not exist.
    """
    keys: set[dg.AssetKey] = set()
    known: set[dg.AssetCheckKey] = {key for check in checks for key in check.check_keys}
    for asset in assets:
        keys |= set(asset.keys) if isinstance(asset, dg.AssetsDefinition) else {asset.key}
        known |= set(asset.check_keys) if isinstance(asset, dg.AssetsDefinition) else set()
    for each in objectives:
        if key_of(each) not in keys:
            raise SpecError(f"objectives: there is no asset {each.asset}: correct its name")
        for name in each.checks:
            if dg.AssetCheckKey(key_of(each), name) not in known:
                raise SpecError(f"objectives: {each.asset} has no check {name}: correct its name")


def key_of(objective: Objective) -> dg.AssetKey:
    """The key of its asset."""
    return dg.AssetKey(objective.asset.split("/"))
