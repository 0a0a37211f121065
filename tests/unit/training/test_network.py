"""The network sees what it may, the same in every batch, and learns every kind of value."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from amodels_assets.training.batch import (
    BOOLEAN,
    CATEGORICAL,
    DATETIME,
    NUMERIC,
    TEXT,
    VALUE_WIDTH,
    Batch,
    Targets,
)
from amodels_assets.training.network import RelationalTransformer
from amodels_assets.training.network_config import ORDER, NetworkConfig
from amodels_assets.training.tensors import to_tensors
from tests.relational_contexts import (
    SMALL,
    Context,
    batch_of,
    hide_more,
    random_context,
    vectors,
)

CONFIG = NetworkConfig(width=16, blocks=3, heads=2, hidden=24, text_width=8)
TARGET_COLUMN = SMALL.columns - 2
AUTHORS_ORDER = ("column", "feature", "neighbour")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny tensors gain nothing from a second thread and lose much where the cores are busy."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def network(config: NetworkConfig = CONFIG, seed: int = 0) -> RelationalTransformer:
    """A network that is not the identity."""
    torch.manual_seed(seed)
    made = RelationalTransformer(config)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    categories = {column: np.array([1, 2, 3]) for column in range(SMALL.columns)}
    made.bind(**vectors(SMALL, config.text_width), categories=categories)
    return made


def contexts(count: int, seed: int = 0, kind: int = BOOLEAN, cells: int = 40) -> list[Context]:
    random = np.random.default_rng(seed)
    return [random_context(random, cells=cells, kind=kind) for _ in range(count)]


def states(made: RelationalTransformer, batch: Batch) -> Tensor:
    with torch.no_grad():
        return made(to_tensors(batch, made.config))


def close(one: Tensor, other: Tensor, tolerance: float = 1e-6) -> None:
    torch.testing.assert_close(one, other, atol=tolerance * 10, rtol=tolerance * 10)


def test_a_context_does_not_know_its_batch() -> None:
    made, some = network(), contexts(6)
    together = states(made, batch_of(some))

    order = [3, 0, 5, 1, 4, 2]
    permuted = states(made, batch_of([some[at] for at in order]))
    torch.testing.assert_close(permuted, together[order], atol=1e-6, rtol=1e-6)

    alone = torch.cat([states(made, batch_of([context])) for context in some])
    torch.testing.assert_close(alone, together, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("order", [ORDER, AUTHORS_ORDER])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("hide", [False, True])
def test_what_is_left_out_changes_nothing(order: tuple[str, ...], full: bool, hide: bool) -> None:
    config = replace(CONFIG, order=order, full_attention=full)
    made, some = network(config), contexts(4)
    if hide:
        some = [hide_more(context, np.random.default_rng(1)) for context in some]
    batch = batch_of(some)
    every = np.arange(batch.tokens, dtype=np.int32)
    nothing = np.zeros(batch.tokens)
    whole = replace(batch, targets=Targets(every, batch.kinds, nothing, nothing, nothing))
    needed = to_tensors(batch, config).blocks[-1].mlp

    assert needed is not None
    assert len(needed) == len(batch.targets.tokens)
    torch.testing.assert_close(
        states(made, batch), states(made, whole)[batch.targets.tokens], atol=1e-5, rtol=1e-5
    )


def test_hidden_values_never_reach_the_output() -> None:
    made = network()
    random = np.random.default_rng(2)
    batch = batch_of([hide_more(context, random) for context in contexts(3)])
    answers = batch.targets
    other = replace(
        batch,
        values=np.where(batch.masked[:, None], 99, batch.values).astype(np.float32),
        strings=np.where(batch.masked, 7, batch.strings).astype(np.int32),
        targets=replace(
            answers,
            numbers=answers.numbers + 5,
            classes=np.where(answers.classes < 0, -1, 0).astype(np.int32),
            strings=np.where(answers.strings > 0, 3, 0).astype(np.int32),
        ),
    )

    assert torch.equal(states(made, batch), states(made, other))


def test_values_that_are_seen_reach_the_output() -> None:
    made, some = network(), contexts(1)
    batch = batch_of(some)
    entity = np.flatnonzero((batch.rows == 0) & (batch.kinds == NUMERIC))
    values = batch.values.copy()
    values[entity, -1] += 1

    assert not torch.allclose(states(made, batch), states(made, replace(batch, values=values)))


def test_gradients_in_double_precision() -> None:
    config = NetworkConfig(width=4, blocks=2, heads=2, hidden=4, text_width=3)
    made = network(config).double()
    made.texts, made.names = made.texts.double(), made.names.double()
    random = np.random.default_rng(3)
    batch = batch_of([hide_more(context, random) for context in contexts(2, cells=14)])
    tensors = to_tensors(batch, config)
    tensors = replace(
        tensors,
        values=tuple(part.double() for part in tensors.values),
        ages=tensors.ages.double(),
    )
    names = [name for name, _ in made.named_parameters()]

    def total(*parameters: Tensor) -> Tensor:
        return torch.func.functional_call(
            _Total(made),
            {f"made.{name}": part for name, part in zip(names, parameters, strict=True)},
            (tensors,),
        )

    parameters = [parameter.detach().requires_grad_() for parameter in made.parameters()]
    assert torch.autograd.gradcheck(total, parameters, fast_mode=True)


class _Total(torch.nn.Module):
    def __init__(self, made: RelationalTransformer) -> None:
        super().__init__()
        self.made = made

    def forward(self, batch: object) -> Tensor:
        return self.made.loss(self.made(batch), batch.targets).total


@pytest.mark.parametrize("kind", [NUMERIC, BOOLEAN, DATETIME, CATEGORICAL, TEXT])
def test_every_kind_trains(kind: int) -> None:
    torch.manual_seed(0)
    made = RelationalTransformer(CONFIG)
    categories = {TARGET_COLUMN: np.array([1, 2, 3])}
    made.bind(**vectors(SMALL, CONFIG.text_width), categories=categories)
    some = contexts(24, kind=kind)
    # The answer follows from a number of the entity's row.
    batch = batch_of(some)
    signs = np.array([context.values[context.rows == 0][:, 0].sum() > 0 for context in some])
    answers = replace(
        batch.targets,
        numbers=signs.astype(np.float32),
        classes=(signs if kind == CATEGORICAL else np.full(24, -1)).astype(np.int32),
        strings=(1 + signs if kind == TEXT else np.zeros(24)).astype(np.int32),
    )
    tensors = to_tensors(replace(batch, targets=answers), CONFIG)
    optimizer = torch.optim.AdamW(made.parameters(), lr=1e-2)
    losses = []
    for _ in range(60):
        found = made.loss(made(tensors), tensors.targets)
        losses.append(float(found.total.detach()))
        optimizer.zero_grad()
        found.total.backward()
        optimizer.step()

    assert found.counts == {kind: 24}
    assert float(found.kinds[kind]) == pytest.approx(losses[-1])
    assert losses[-1] < 0.3 * losses[0]


def test_predictions_of_every_kind() -> None:
    made = network()
    found = states(made, batch_of(contexts(5)))

    for kind in (NUMERIC, BOOLEAN, DATETIME):
        assert made.scores(found, kind).shape == (5,)
    scores = made.scores(found, CATEGORICAL, TARGET_COLUMN)
    assert scores.shape == (5, 3)
    vector = made.heads.categorical(found)
    expected = vector @ made.texts[[1, 2, 3]].T * made.heads.sharpness.exp()
    close(scores, expected.detach())
    assert made.scores(found, TEXT).shape == (5, CONFIG.text_width)


def test_a_category_that_is_not_known_does_not_count() -> None:
    made = network()
    batch = batch_of(contexts(4, kind=CATEGORICAL))

    def loss(classes: list[int]) -> tuple[float, dict[int, int]]:
        answers = replace(batch.targets, classes=np.array(classes, np.int32))
        tensors = to_tensors(replace(batch, targets=answers), CONFIG)
        found = made.loss(made(tensors), tensors.targets)
        return float(found.total.detach()), found.counts

    some, counts = loss([0, 2, -1, -1])
    assert counts == {CATEGORICAL: 2}
    scores = made.scores(states(made, batch), CATEGORICAL, TARGET_COLUMN)
    expected = torch.nn.functional.cross_entropy(scores[:2], torch.tensor([0, 2]))
    assert some == pytest.approx(float(expected.detach()), rel=1e-5)
    assert loss([-1] * 4) == (0, {})


def test_a_total_is_the_mean_over_targets_of_all_kinds() -> None:
    made = network()
    random = np.random.default_rng(4)
    batch = batch_of([hide_more(context, random) for context in contexts(5)])
    tensors = to_tensors(batch, CONFIG)
    found = made.loss(made(tensors), tensors.targets)

    assert set(found.kinds) == {NUMERIC, BOOLEAN, DATETIME, CATEGORICAL, TEXT}
    weighted = sum(float(found.kinds[kind]) * count for kind, count in found.counts.items())
    assert float(found.total.detach()) == pytest.approx(
        weighted / sum(found.counts.values()), rel=1e-5
    )


def test_only_the_texts_of_a_batch_are_encoded() -> None:
    """The table of texts may be far larger than a batch."""
    made = network()
    texts = np.zeros((1_000_000, CONFIG.text_width), np.float32)
    texts[: SMALL.texts] = vectors(SMALL, CONFIG.text_width)["texts"]
    batch = batch_of(contexts(3))
    expected = states(made, batch)
    encoded = []
    for encoder in made.encoder.texts:
        encoder[0].register_forward_hook(lambda _, inputs, __: encoded.append(len(inputs[0])))
    made.bind(texts, vectors(SMALL, CONFIG.text_width)["names"], {})

    close(states(made, batch), expected)
    seen = [
        len(np.unique(batch.strings[(batch.kinds == kind) & ~batch.masked]))
        for kind in (CATEGORICAL, TEXT)
    ]
    assert encoded == seen


def test_a_row_with_forty_parents() -> None:
    made = network()
    context = contexts(1, cells=200)[0]
    rows = sorted(set(context.rows.tolist()) - {-1})
    parents = {**context.parents, 0: tuple(rows[1:41])}
    batch = batch_of([replace(context, parents=parents)])

    assert states(made, batch).isfinite().all()


def test_a_context_of_the_target_alone() -> None:
    made = network()
    context = contexts(1)[0]
    alone = replace(
        context,
        **{
            name: getattr(context, name)[:2]
            for name in ("rows", "columns", "kinds", "values", "strings", "hidden")
        },
    )

    assert states(made, batch_of([alone])).isfinite().all()


def test_what_dropout_hides_is_hidden_in_training_only() -> None:
    kept, config = network(), replace(CONFIG, dropout=0.5)
    dropping = network(config)
    batch = batch_of(contexts(3))
    torch.manual_seed(1)
    first, second = states(dropping, batch), states(dropping, batch)
    assert not torch.equal(first, second)
    torch.manual_seed(1)
    assert torch.equal(first, states(dropping, batch))
    assert torch.equal(states(dropping.eval(), batch), states(kept.eval(), batch))
    with pytest.raises(ValueError, match="dropout is 1"):
        replace(CONFIG, dropout=1)


def test_the_age_of_rows_counts() -> None:
    made, batch = network(), batch_of(contexts(3))
    older = replace(batch, ages=np.roll(batch.ages, 1, axis=1))
    assert not torch.allclose(states(made, batch), states(made, older), atol=1e-3)


def test_a_new_network_learns_from_children_at_once() -> None:
    """What they say passes two projections; a product of two zeros would have no gradient."""
    torch.manual_seed(0)
    made = RelationalTransformer(CONFIG)
    made.bind(**vectors(SMALL, CONFIG.text_width), categories={})
    # What is read off is zero at first; one step changes that.
    torch.nn.init.normal_(made.heads.boolean.weight)
    tensors = to_tensors(batch_of(contexts(4, cells=60)), CONFIG)
    made.loss(made(tensors), tensors.targets).total.backward()
    first = made.blocks[0].attentions["neighbour"]
    assert first.out.weight.grad.abs().max() > 1e-5
    assert first.value.weight.grad.abs().max() > 1e-5


def test_what_does_not_fit_is_refused() -> None:
    made = network()
    batch = batch_of(contexts(1))

    with pytest.raises(ValueError, match=f"of 3 features and the network takes {VALUE_WIDTH}"):
        to_tensors(replace(batch, values=batch.values[:, :3]), CONFIG)
    with pytest.raises(ValueError, match="Text vectors have 5 features and the network takes 8"):
        made.bind(**vectors(SMALL, 5), categories={})
    with pytest.raises(ValueError, match="Column 99 has no categories"):
        made.scores(states(made, batch), CATEGORICAL, 99)
    with pytest.raises(ValueError, match="order must name each of"):
        NetworkConfig(order=("column", "column", "feature"))
