"""A data set as training and inference take it: rows as a graph, cells, and a network bound to it.

Belongs here: putting together what the parts of this room make. Does not belong here: the parts.
Imports torch inside the function that makes a network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from amodels_assets.artifacts import MANIFEST_NAME, digest, sha256_file
from amodels_assets.datasets.dataset import ColumnStatistics, RelationalDataset, open_dataset
from amodels_assets.datasets.relational import parse_spec
from amodels_assets.training.cells import CellStore, build_cells, column_names
from amodels_assets.training.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from amodels_assets.training.config import TrainingConfig
from amodels_assets.training.feeds import Feed
from amodels_assets.training.row_graph import RowGraph, build_row_graph

if TYPE_CHECKING:
    from amodels_assets.training.device import Device
    from amodels_assets.training.network import RelationalTransformer


@dataclass(frozen=True)
class Scaling:
    """What the values of a database are measured by.

    Attributes:
        statistics: Of numbers and moments, by ``table.column``.
        categories: Of categorical columns, by ``table.column``.
    """

    statistics: dict[str, ColumnStatistics]
    categories: dict[str, tuple[str, ...]]

    def to_json(self) -> dict[str, Any]:
        """As JSON-serialisable data."""
        return {
            "statistics": {name: asdict(value) for name, value in self.statistics.items()},
            "categories": {name: list(texts) for name, texts in self.categories.items()},
        }

    @classmethod
    def from_json(cls, raw: Mapping[str, Any]) -> Scaling:
        """What :meth:`to_json` gave."""
        statistics = {
            name: ColumnStatistics(
                value["count"], value["mean"], value["deviation"], tuple(value["quantiles"])
            )
            for name, value in raw["statistics"].items()
        }
        return cls(statistics, {name: tuple(texts) for name, texts in raw["categories"].items()})


@dataclass(frozen=True)
class Material:
    """A data set, ready to be sampled.

    Attributes:
        dataset: The rows.
        graph: Who points to whom.
        store: The cells.
        scaling: What the values are measured by.
        version: Data version of the folder, as the artifact store would give it.
    """

    dataset: RelationalDataset
    graph: RowGraph
    store: CellStore
    scaling: Scaling
    version: str

    def feed(self, split: str, config: TrainingConfig) -> Feed:
        """The predictions of a split."""
        return Feed.of_split(self.dataset, self.store, self.graph, split, config.sampler)

    def manifest(self) -> dict[str, Any]:
        """What a checkpoint has to say of the data."""
        return {
            "dataset": self.dataset.spec.to_json(),
            **self.scaling.to_json(),
            "data_versions": {self.dataset.spec.name: self.version},
        }


@dataclass(frozen=True)
class Parent:
    """A checkpoint that a training starts from or a prediction is made with.

    Attributes:
        checkpoint: Its tensors and manifest.
        config: How it was trained.
        scaling: What its data was measured by.
        columns: ``table.column`` of what it was trained on.
    """

    checkpoint: Checkpoint
    config: TrainingConfig
    scaling: Scaling
    columns: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """How a checkpoint names the one that it came from."""
        config = self.checkpoint.config
        return {
            "sha256": self.checkpoint.version,
            "mode": config["mode"],
            "step": config["step"],
            "data_versions": config["data_versions"],
        }


def load_material(
    folder: Path, config: TrainingConfig, scaling: Scaling | None = None, cache: Path | None = None
) -> Material:
    """Read a data set.

    Args:
        folder: What ``datasets`` built.
        config: Names the text encoder and says whether grandchildren are sampled.
        scaling: What a checkpoint measures by; the data set's own where missing.
        cache: Folder for vectors of texts.

    Raises:
        DatasetError: The data set cannot be read.
        TextEncoderError: The text encoder is not installed.
    """
    dataset = open_dataset(folder)
    scaling = scaling or Scaling(dataset.statistics, dataset.categories)
    dataset = RelationalDataset(
        dataset.spec, dataset.tables, dataset.tasks, scaling.statistics, scaling.categories
    )
    return Material(
        dataset,
        build_row_graph(dataset, grandchildren=config.sampler.grandchildren > 0),
        build_cells(
            dataset, scaling.statistics, scaling.categories, encoder=config.encoder, cache=cache
        ),
        scaling,
        dataset_version(folder),
    )


def read_parent(folder: Path) -> Parent:
    """Read a checkpoint, finished or of a step, with what it says of itself.

    Raises:
        CheckpointError: It is damaged, or says what nobody understands.
    """
    checkpoint = read_checkpoint(folder)
    raw = checkpoint.config
    try:
        return Parent(
            checkpoint,
            TrainingConfig.from_json(raw["training"]),
            Scaling.from_json(raw),
            tuple(column_names(parse_spec(raw["dataset"], "config.json"))),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"{folder}/config.json cannot be used: train the checkpoint again"
        ) from error


def make_network(
    config: TrainingConfig, store: CellStore, device: Device, parent: Parent | None = None
) -> RelationalTransformer:
    """A network for a database, with weights drawn by the seed or taken from a checkpoint.

    Raises:
        CheckpointError: The checkpoint's network has another shape.
    """
    import torch

    from amodels_assets.training.network import RelationalTransformer

    torch.manual_seed(config.seed)
    network = RelationalTransformer(config.model)
    if parent is not None:
        tensors = {
            name: torch.from_numpy(tensor)
            for name, tensor in parent.checkpoint.tensors.items()
            # It told the history of the data that the parent was trained on.
            if not name.startswith("history.")
        }
        try:
            network.load_state_dict(tensors)
        except RuntimeError as error:
            raise CheckpointError(
                "the checkpoint's network has another shape: use the model settings that it was "
                "trained with, or train again where an earlier release made it"
            ) from error
    network.to(device.name)
    network.bind(store.texts, store.names, store.categories)
    return network


def dataset_version(folder: Path) -> str:
    """SHA-256 over the names and hashes of all files of a folder but the store's own manifest."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != MANIFEST_NAME)
    return digest({path.relative_to(folder).as_posix(): sha256_file(path) for path in files})
