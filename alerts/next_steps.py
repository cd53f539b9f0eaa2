"""What to do next: a remedy taken apart into words for people and lines for a shell; and the runbook. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from urllib.parse import quote, urlsplit

from alerts.base import COULD_NOT_LOOK, Incident
from alerts.escape import clean, link
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
    pattern = policy.runbooks.get(incident.kind) or policy.runbook_url
    reason = incident.evidence.get("reason") if incident.verdict == COULD_NOT_LOOK else None
    verdict = quote(clean(reason if isinstance(reason, str) else incident.verdict)[:100], safe="+")
    return pattern.replace("{kind}", str(incident.kind)).replace("{verdict}", verdict).removesuffix("#")


def runbook_link(address: str) -> str:
    """A link of Slack to a runbook that says where it leads: a component's own comes from the repository."""
    try:
        host = urlsplit(address).hostname
    except ValueError:
        return ""
    return link(address, f"Runbook ({host})") if host else ""


def runbook_links(incidents: Iterable[Incident], runbook_of: Callable[[Incident], str], most: int = 3) -> list[str]:
    """Links of Slack to what is written for several incidents, each page once, the most wanted kinds first."""
    found: dict[str, str] = {}
    for incident in incidents:
        page = runbook_of(incident).partition("#")[0]
        if page:
            found.setdefault(page, link(page, f"Runbook: {str(incident.kind).replace('_', ' ')}"))
    return [one for one in found.values() if one][:most]


def no_runbook(incident: Incident) -> str:
    """Where nobody says where runbooks are."""
    return ""
