"""What happened where moto has no place for it: told by the mischief, and read by the answers."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

FAILED_BACKUPS = "failed_backups"  # [{"resource": ARN, "type": "DynamoDB", "message": …}]
OLDER_BUCKETS = "older_buckets"  # {"acme-old-exports": "2029-01-31T09:00:00+00:00"}: made before the demo began
EXTRA_SPEND = "extra_spend"  # {"2031-03-14": dollars}


@dataclass
class Facts:
    """Values by name. Thread-safe."""

    _told: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def tell(self, name: str, value: Any) -> None:
        with self._lock:
            self._told[name] = value

    def get(self, name: str, default: Any) -> Any:
        with self._lock:
            return self._told.get(name, default)
