"""With the authors' weights, our network says what theirs says."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from torch import Tensor

from amodels_assets.training.authors import ConversionError, converted
from amodels_assets.training.batch import (
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    NUMERIC,
    TEXT,
)
from amodels_assets.training.tensors import to_tensors
from tests.differential.authors_model import CASE, Case, authors_model, authors_outputs
from tests.relational_contexts import SMALL, batch_of

FROZEN = Path(__file__).parents[2] / "differential" / "relational_transformer.safetensors"
THEIRS = {NUMERIC: "number", BOOLEAN: "number", DATETIME: "datetime", TEXT: "text"}


@pytest.fixture(scope="module")
def frozen() -> dict[str, dict[str, Tensor]]:
    """Their weights and outputs."""
    found: dict[str, dict[str, Tensor]] = {"weights": {}, "outputs": {}}
    with safe_open(FROZEN, "pt") as file:
        assert file.metadata()["batch"] == CASE.digest(), "run freeze_relational_transformer.py"
        for name in file.keys():  # noqa: SIM118 - it is no dictionary
            part, rest = name.split(".", 1)
            found[part][rest] = file.get_tensor(name)
    return found


def assert_says_the_same(
    case: Case, weights: Mapping[str, Tensor], outputs: Mapping[str, Tensor]
) -> None:
    """Our outputs are theirs, for every hidden cell."""
    batch = batch_of(case.contexts())
    network = converted(weights)
    network.bind(**case.vectors(), categories={})
    with torch.no_grad():
        states = network(to_tensors(batch, network.config))
        compared = 0
        for kind, name in {**THEIRS, CATEGORICAL: "text"}.items():
            at = torch.from_numpy(batch.targets.kinds == kind)
            ours = network.scores(states[at], TEXT if kind == CATEGORICAL else kind)
            theirs = outputs[name][at].reshape(ours.shape)
            assert float(theirs.abs().mean()) > 0.05
            torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)
            compared += len(ours)
    assert compared == len(batch.targets.tokens) > 40


def test_says_what_the_authors_network_said(frozen: dict[str, dict[str, Tensor]]) -> None:
    assert_says_the_same(CASE, frozen["weights"], frozen["outputs"])


def test_says_what_the_authors_network_says() -> None:
    """Needs their package; ``freeze_relational_transformer.py`` says how to get it."""
    pytest.importorskip("rt", reason="the authors' package is not installed")
    sizes = {"num_blocks": 3, "d_model": 64, "d_text": 48, "num_heads": 8, "d_ff": 96}
    case = Case(sizes, seed=7, cells=256, count=3)
    model = authors_model(sizes, seed=7)
    outputs = authors_outputs(model, case.arrays(case.contexts()))

    assert_says_the_same(case, model.state_dict(), outputs)


def test_truth_values_and_categories_start_from_numbers_and_texts(
    frozen: dict[str, dict[str, Tensor]],
) -> None:
    network = converted(frozen["weights"])

    assert torch.equal(network.heads.boolean.weight, network.heads.numeric.weight)
    assert torch.equal(network.heads.categorical.weight, network.heads.text.weight)
    assert not network.encoder.film.weight.any()
    number = frozen["weights"]["enc_dict.number.weight"]
    for encoder in network.encoder.numbers[:2]:
        assert torch.equal(encoder[0].weight[:, :1], number)
        assert not encoder[0].weight[:, 1:].any()


def test_what_is_not_theirs_is_refused(frozen: dict[str, dict[str, Tensor]]) -> None:
    weights = frozen["weights"]

    with pytest.raises(ConversionError, match=r"blocks\.1\.attns\.nbr\.wg\.weight"):
        converted({k: v for k, v in weights.items() if k != "blocks.1.attns.nbr.wg.weight"})
    with pytest.raises(ConversionError, match=r"nothing is known of: enc_dict\.boolean\.weight"):
        converted({**weights, "enc_dict.boolean.weight": torch.zeros(16, 1)})
    with pytest.raises(ConversionError, match=r"1\.10"):
        converted({})
    with pytest.raises(ConversionError, match="size mismatch"):
        converted({**weights, "norm_dict.text.scale": torch.ones(3)})


def test_goes_on_learning(frozen: dict[str, dict[str, Tensor]]) -> None:
    """Converted weights are trained like any others, on all kinds."""
    network = converted(frozen["weights"])
    categories = {column: np.array([1, 2, 3]) for column in range(SMALL.columns)}
    network.bind(**CASE.vectors(), categories=categories)
    tensors = to_tensors(batch_of(CASE.contexts()), network.config)
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(20):
        loss = network.loss(network(tensors), tensors.targets).total
        losses.append(float(loss.detach()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert losses[-1] < 0.9 * losses[0]
