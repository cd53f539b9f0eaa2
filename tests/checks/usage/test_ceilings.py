"""What a database's class takes, by the tables of the RDS user guide."""

from __future__ import annotations

import pytest

from checks.usage.ceilings import GIB, connections, memory
from checks.usage.judge import ThresholdRule


@pytest.mark.parametrize(
    ("sort", "gib"),
    [
        ("db.t3.micro", 1), ("db.t4g.medium", 4), ("db.t3.2xlarge", 32), ("db.m5.large", 8), ("db.m6g.xlarge", 16),
        ("db.r6g.large", 16), ("db.r5.24xlarge", 768), ("db.r4.large", 15.25), ("db.x2g.large", 32),
        ("db.m7g.16xlarge", 256), ("db.serverless", None), ("db.z9z.large", None), ("db.r6g.medium", None),
        ("db.t3.4xlarge", None), ("", None), ("r6g.large", None),
    ],
)  # fmt: skip
def test_memory_of_a_class(sort: str, gib: float | None) -> None:
    """In bytes; what is not in the table is not guessed."""
    assert memory(sort) == (None if gib is None else int(gib * GIB))


@pytest.mark.parametrize(
    ("engine", "sort", "parameter", "most"),
    [
        ("postgres", "db.t3.micro", "", 112),
        ("postgres", "db.r5.24xlarge", "", 5000),
        ("mysql", "db.r6g.large", "", 1365),
        ("aurora-mysql", "db.r6g.large", "", None),  # its formula is not of this form
        ("aurora-mysql", "db.r6g.large", "700", 700),
        ("postgres", "db.serverless", "", None),
        ("postgres", "db.serverless", "200", 200),
        ("postgres", "db.r6g.large", "{DBInstanceClassMemory/31457280}", 546),
        ("postgres", "db.r6g.large", "LEAST({DBInstanceClassMemory/9531392},100)", None),
        ("postgres", "db.r6g.large", "{DBInstanceClassMemory/0}", None),
        ("postgres", "db.r6g.large", "0", None),
        ("oracle-ee", "db.r6g.large", "", None),
    ],
)
def test_connections_that_a_database_takes(engine: str, sort: str, parameter: str, most: int | None) -> None:
    """What somebody has set goes first; then the default of the engine; else nobody knows."""
    assert connections(engine, sort, parameter) == most


@pytest.mark.parametrize(
    "row",
    [
        {"gauge": "rds/speed", "warn_at": 0.5},
        {"gauge": "rds/cpu"},
        {"gauge": "rds/cpu", "warn_at": 0.0},
        {"gauge": "rds/cpu", "warn_at": 0.5, "clear_at": 0.6},
        {"gauge": "rds/cpu", "clear_at": 0.95},
    ],
)
def test_a_threshold_that_cannot_be_is_refused(row: dict[str, object]) -> None:
    """No such gauge, no change, never, or cleared above where it starts."""
    with pytest.raises(ValueError, match=r"gauge|at most"):
        ThresholdRule(**row)  # type: ignore[arg-type]  # as the configuration gives it
