"""What to do next: a remedy taken apart into words for people and lines for a shell; and the runbook. Pure."""

from __future__ import annotations

import re

from alerts.base import Incident
from alerts.escape import clean
from alerts.policy import Policy

# What a line for a shell begins with; all else is words. Variables may stand before it.
_COMMAND = re.compile(
    r"(?:[A-Za-z_]\w*=(?:'[^']*'|[^\s'])*\s+)*(?:aws|atmos|terraform|tofu|barograph|git|openssl|psql|mysql|dig|nslookup|curl|kubectl|"
    r"docker|helm|gh|jq|chmod|mkdir|rm|mv|cp|export|cd|ssh|pip|python3?)(?=\s|$)"
)
_ADDRESS = re.compile(r"https?://[^\s<>|\"`]{1,1000}")


def take_apart(remedy: str) -> tuple[str, str]:
    """Give (words, commands), each of any number of lines. Comments stay with the commands they are about."""
    words: list[str] = []
    commands: list[str] = []
    for line in filter(None, map(str.rstrip, remedy.splitlines())):
        if _COMMAND.match(line) or line.startswith("#") or (line[0] in " \t" and commands):
            commands.append(line)
        else:
            words.append(line)
    if not any(_COMMAND.match(line) for line in commands):
        words, commands = [line.lstrip("# ") for line in remedy.splitlines() if line.strip()], []
    return "\n".join(words), "\n".join(commands)


def runbook(incident: Incident, policy: Policy) -> str:
    """The address of what is written for such a case; empty: nothing is.

    The component's own (`settings.barograph.runbook`) goes first, then the kind's, then the pattern for all kinds.
    """
    own = incident.labels.get("runbook", "")
    if _ADDRESS.fullmatch(own) and clean(own) == own:
        return own
    return policy.runbooks.get(incident.kind) or policy.runbook_url.replace("{kind}", str(incident.kind))
