"""Freezes what the authors' Relational Transformer says of a batch: the tests' independent judge.

Their package pulls in more than the suite can carry, and its attention needs a C++ compiler; so
their weights (random ones, under their names) and their outputs lie in
``relational_transformer.safetensors``, with a hash of the batch. To make it again:

    pip install --target authors --no-deps relational-transformer==1.10.0
    pip install --target authors --no-deps einops "huggingface-hub<2" ml-dtypes orjson
    PYTHONPATH=authors python tests/differential/freeze_relational_transformer.py
"""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[1]))

from tests.differential.authors_model import CASE, authors_model, authors_outputs  # noqa: E402


def main() -> None:
    import rt
    from safetensors.torch import save_file

    contexts = CASE.contexts()
    model = authors_model(CASE.sizes, seed=CASE.seed)
    outputs = authors_outputs(model, CASE.arrays(contexts))
    weights = {f"weights.{name}": part for name, part in model.state_dict().items()}
    says = {f"outputs.{name}": part for name, part in outputs.items()}
    save_file(
        {name: part.contiguous() for name, part in (weights | says).items()},
        HERE / "relational_transformer.safetensors",
        {"package": f"relational-transformer {rt.__version__}", "batch": CASE.digest()},
    )


if __name__ == "__main__":
    main()
