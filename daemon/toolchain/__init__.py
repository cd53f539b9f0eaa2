"""The checklist before anything is executed: what is there, what is missing, what nobody could look at."""

from daemon.toolchain.bench import Bench
from daemon.toolchain.checklist import Workshop, checklist
from daemon.toolchain.telling import exit_code, report, table

__all__ = ["Bench", "Workshop", "checklist", "exit_code", "report", "table"]
