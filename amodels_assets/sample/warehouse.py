"""The warehouse's databases and tables, generated before anything is written.

Belongs here: what a table is and which tables there are, the bank's six among them. Does not
belong here: views (``views.py``), jobs (``jobs.py``), how a dump spells them (``ddl.py``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

from amodels_assets.sample.dice import Dice
from amodels_assets.sample.names import (
    COMMENTS,
    DATE_WORDS,
    FACETS,
    NUMBER_WORDS,
    STRING_WORDS,
    SUBJECTS,
)
from amodels_assets.sample.profiles import TABLE_SIZES, Profile, TableSizes

PRESENTATION, TRANSFORMATION, STAGING = "sgmisit", "sgmisitetl", "sgmisitstg"
LOCATIONS = {
    name: f"hdfs://warehouse.example:8020/warehouse/{name}.db"
    for name in (PRESENTATION, TRANSFORMATION, STAGING)
}
# Half of the tables are staging, few are left over from transformations.
LAYERS = (STAGING, PRESENTATION, STAGING, TRANSFORMATION) + (STAGING, PRESENTATION) * 2
FEWEST_TABLES = 36


class Storage(Enum):
    """How a table's files are written."""

    ORC = "orc"
    PARQUET = "parquet"
    TEXT = "text"
    DELIMITED = "delimited"
    HBASE = "hbase"


@dataclass(frozen=True)
class TableColumn:
    """A column; ``type`` as Hive prints it, ``comment`` as the dump spells it inside quotes."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Table:
    """A table; ``buckets`` is 0 where it is not clustered."""

    database: str
    name: str
    columns: tuple[TableColumn, ...]
    partitions: tuple[TableColumn, ...] = ()
    comment: str = ""
    external: bool = True
    storage: Storage = Storage.ORC
    buckets: int = 0
    properties: tuple[tuple[str, str], ...] = field(default=())

    @property
    def location(self) -> str:
        """Where its files lie."""
        return f"{LOCATIONS[self.database]}/{self.name}"

    @property
    def all_columns(self) -> tuple[TableColumn, ...]:
        """Its columns, partition columns last."""
        return self.columns + self.partitions


def _columns(text: str) -> tuple[TableColumn, ...]:
    pairs = (part.strip().rsplit(" ", 1) for part in text.split(";"))
    return tuple(TableColumn(name, kind) for name, kind in pairs)


BANK_TABLES = {
    "region": "region_id string; region_name string; country string; unemployment_rate double",
    "client": "client_id string; region_id string; sector string; rating int; employee_count int;"
    " leverage double; onboarded_date date",
    "facility": "facility_id string; client_id string; facility_type string;"
    " limit_amount decimal(18,2); interest_margin double; collateral_ratio double;"
    " granted_date date",
    "account_transaction": "transaction_id string; facility_id string; booked_at timestamp;"
    " transaction_kind string; amount decimal(18,2); days_past_due int",
    "monthly_exposure": "exposure_id string; facility_id string; month_end date;"
    " drawn_amount decimal(18,2); utilisation double",
    "facility_outcome": "outcome_id string; facility_id string; cutoff_date date;"
    " known_date date; downgraded boolean",
}


def generate_tables(
    seed: int, scale: float, rows: dict[str, int], sizes: TableSizes = TABLE_SIZES[Profile.BANK]
) -> list[Table]:
    """All tables: the bank's six, some wide ones, the others by chance.

    Args:
        seed: Same seed, scale and sizes, same tables.
        scale: Multiplies the number of tables.
        rows: Rows of the bank's tables, for their ``numRows`` property.
        sizes: Number and width of the tables at scale 1.
    """
    dice = Dice(seed, 11)
    tables = [
        Table(
            PRESENTATION,
            name,
            _columns(text),
            comment=f"{name.replace('_', ' ')} of the corporate bank",
            properties=_properties(dice, rows[name]),
        )
        for name, text in BANK_TABLES.items()
    ]
    count = max(FEWEST_TABLES, round(sizes.tables * scale))
    wide_tables = max(1, round(sizes.wide_tables * scale))
    wide = {len(BANK_TABLES) + number * sizes.tables for number in range(wide_tables)}
    names = _table_names(dice, count)
    for number in range(len(tables), count):
        database = STAGING if number in wide else LAYERS[number % len(LAYERS)]
        width = sizes.wide_columns if number in wide else 0
        tables.append(_table(dice, database, next(names), number, sizes.spread, width))
    return tables


def _table_names(dice: Dice, count: int) -> Iterator[str]:
    seen: set[str] = set(BANK_TABLES)
    while True:
        name = f"{dice.pick(SUBJECTS)}_{dice.pick(FACETS)}"
        if name in seen:
            name = f"{name}_{dice.below(20 * count):03d}"
        if name not in seen:
            seen.add(name)
            yield name


def _table(  # noqa: PLR0917
    dice: Dice, database: str, name: str, number: int, spread: int, width: int
) -> Table:
    """One table of ``width`` columns, or where that is 0 of as many as the dice say."""
    prefix = {STAGING: "stg_", TRANSFORMATION: "tmp_", PRESENTATION: ""}[database]
    storage = dice.weighted(
        [
            (Storage.ORC, 0.7),
            (Storage.TEXT, 0.12),
            (Storage.DELIMITED, 0.08),
            (Storage.PARQUET, 0.05),
            (Storage.HBASE, 0.05),
        ]
    )
    if number % 20 == 9:
        # Every storage occurs at every scale, whatever the dice say.
        storage = (Storage.HBASE, Storage.TEXT, Storage.DELIMITED)[number // 20 % 3]
    count = width or 6 + dice.below(spread) + dice.below(spread) + dice.below(spread)
    subject = name.split("_", maxsplit=1)[0]
    columns = [TableColumn(f"{subject}_id", "string", "key")]
    columns += [_column(dice, subject, position) for position in range(1, count)]
    if number % 6 == 1:
        columns += [
            TableColumn(f"{subject}_tags", "array<string>"),
            TableColumn(f"{subject}_limits", "map<string,decimal(18,2)>"),
            TableColumn(
                f"{subject}_address", "struct<street:string,zip:string,lines:array<string>>"
            ),
        ]
    if number % 12 == 7:
        columns.append(TableColumn(f"{subject}_active", "boolean"))
        columns.append(TableColumn(f"{subject}_ratio", "float"))
    partitions: tuple[TableColumn, ...] = ()
    if storage is not Storage.HBASE and dice.chance(0.78):
        partitions = dice.weighted(
            [
                ((TableColumn("load_date", "string"),), 0.7),
                ((TableColumn("load_date", "date", "day of delivery"),), 0.1),
                ((TableColumn("load_year", "int"), TableColumn("load_month", "int")), 0.2),
            ]
        )
    return Table(
        database,
        f"{prefix}{name}",
        tuple(columns),
        partitions,
        comment=dice.pick(COMMENTS) if dice.chance(0.3) else "",
        external=dice.chance(0.8) or storage is Storage.HBASE,
        storage=storage,
        buckets=dice.pick((4, 8, 16)) if storage is Storage.ORC and dice.chance(0.12) else 0,
        properties=_properties(dice, dice.below(5_000_000), header=storage is Storage.TEXT),
    )


def _column(dice: Dice, subject: str, position: int) -> TableColumn:
    kind = dice.weighted(
        [
            ("string", 0.655),
            ("decimal", 0.25),
            ("date", 0.04),
            ("timestamp", 0.015),
            ("bigint", 0.01),
            ("int", 0.01),
            ("double", 0.01),
            ("varchar", 0.005),
            ("char", 0.005),
        ]
    )
    words = STRING_WORDS
    if kind in {"decimal", "bigint", "int", "double"}:
        words = NUMBER_WORDS
    elif kind in {"date", "timestamp"}:
        words = DATE_WORDS
    if kind == "decimal":
        kind = dice.pick(("decimal(18,2)", "decimal(22,4)", "decimal(10,0)", "decimal(38,10)"))
    elif kind in {"varchar", "char"}:
        kind = f"{kind}({dice.pick((1, 3, 10, 40))})"
    name = f"{dice.pick((subject, 'src', 'rep'))}_{dice.pick(words)}_{position}"
    return TableColumn(name, kind, dice.pick(COMMENTS) if dice.chance(0.12) else "")


def _properties(dice: Dice, rows: int, *, header: bool = False) -> tuple[tuple[str, str], ...]:
    found = [
        ("numRows", str(rows)),
        ("transient_lastDdlTime", str(1_600_000_000 + dice.below(10**8))),
    ]
    if dice.chance(0.3):
        found.append(("external.table.purge", "true"))
    if header:
        found.append(("skip.header.line.count", "1"))
    return tuple(sorted(found))
