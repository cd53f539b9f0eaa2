"""All rules there are, in the order in which they are written.

Alerts are on Barograph itself: what it finds in the infrastructure it tells by its own ways out.
"""

from __future__ import annotations

from dashboards.rules.alive import ALIVE
from dashboards.rules.keeping import KEEPING
from dashboards.rules.looking import LOOKING
from dashboards.rules.recording import RECORDING
from dashboards.rules.telling import TELLING

GROUPS = (*RECORDING, ALIVE, LOOKING, TELLING, KEEPING)
