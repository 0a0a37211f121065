"""Reads the probabilities that a synthetic source was drawn from."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from amodels_assets.datasets.dataset import DatasetError

ORACLE_FILE = "ground_truth/downgrade_probability.csv"
ORACLE_SCHEMA = pa.schema(
    [("facility_id", pa.string()), ("cutoff_date", pa.date32()), ("probability", pa.float64())]
)


def read_oracle(path: Path) -> pa.Table:
    """The file as a table; an empty one where there is no file.

    Raises:
        DatasetError: The file is there but is not what a synthetic source has.
    """
    if not path.is_file():
        return ORACLE_SCHEMA.empty_table()
    try:
        options = pa_csv.ConvertOptions(
            column_types=ORACLE_SCHEMA, include_columns=ORACLE_SCHEMA.names
        )
        table = pa_csv.read_csv(path, convert_options=options)
    except (pa.ArrowInvalid, pa.ArrowKeyError, OSError) as error:
        raise DatasetError(
            f"{path} cannot be read: it needs the columns {', '.join(ORACLE_SCHEMA.names)}"
        ) from error
    return table.combine_chunks()
