"""What became of a stack after an apply, as it is stored and as it is told. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checks.base import Finding, Json, Kind, Outcome, Reading
from checks.runs.after import Health, Verdict, few, moment


def stored(found: Verdict) -> dict[str, Json]:
    """*found* as JSON: the field `health` of a run."""
    return {
        "health": str(found.health), "text": found.text,
        "worse": [
            {"mark": one.mark, "what": one.what, "since": one.since.isoformat(),
             "until": None if one.over is None else one.over.isoformat(),
             "well_at": None if one.well_at is None else one.well_at.isoformat(), "confirmed": one.confirmed}
            for one in found.worse
        ],
        "wrong_before": list(found.before), "passing": list(found.passing), "could_not_look": list(found.gaps),
        "plans": list(found.plans), "other_runs": list(found.others), "restored_seconds": found.restored_seconds,
    }  # fmt: skip


def mended(
    told: Mapping[str, Json], ends: Mapping[str, tuple[datetime | None, bool]], again: Collection[str] = ()
) -> dict[str, Json]:
    """What stored() gave, once some of that has ended: mark -> (when, whether nobody looks at it any more).

    *again*: marks of what another look has seen still.
    """
    worse = [dict(one) for one in told.get("worse") or ()]
    for one in worse:
        one["confirmed"] = bool(one.get("confirmed")) or one["mark"] in again
        if _open(one) and one["mark"] in ends:
            at, unwatched = ends[one["mark"]]
            one["until"], one["unwatched"] = None if at is None else at.isoformat(), unwatched
    over = [datetime.fromisoformat(one["until"]) for one in worse if one.get("until")]
    since = [datetime.fromisoformat(one["since"]) for one in worse]
    found: dict[str, Json] = {**told, "worse": worse}
    if worse and len(over) == len(worse):
        found["restored_seconds"] = max(0.0, (max(over) - min(since)).total_seconds())
        found["text"] = f"{told.get('text', '')}; all of it well again at {moment(max(over))}"
    return found


def still(told: Mapping[str, Json]) -> list[Mapping[str, Json]]:
    """What got worse and is not over, of what stored() gave."""
    return [one for one in told.get("worse") or () if _open(one)]


def _open(one: Mapping[str, Json]) -> bool:
    return one.get("until") is None and not one.get("unwatched")


@dataclass(frozen=True, slots=True)
class Aftermath:
    """A run whose stack was watched, for its reading. *told*: what stored() gave; *facts*: commit, actor, rollback."""

    run_id: str
    workflow: str
    told: Mapping[str, Json]
    facts: Mapping[str, Json]


def reading_of(place: str, found: Sequence[Aftermath]) -> Reading | None:
    """What to say at *place* of runs after which something got worse; None: there is no run to say anything of.

    *found*: the latest first. It ends once looks saw all of it well again.
    """
    if not found:
        return None
    findings = [finding for one in found for finding in _findings(one)]
    resource = f"{place} health"
    if findings:
        return Reading(resource, Outcome.UNHEALTHY, "worse_after", findings[0].summary, tuple(findings))
    over = [one for one in found if one.told.get("health") == Health.WORSE]
    if any(each.get("unwatched") for one in over for each in one.told.get("worse") or ()):
        text = "something got worse after an apply, and nobody looks at it any more"
        return Reading(resource, Outcome.NOT_APPLICABLE, "not_watched_after", text)
    told = (over or found)[0].told
    outcome, word = _WORDS[Health(str(told.get("health") or Health.WATCHING))]
    return Reading(resource, outcome, word, str(told.get("text") or ""))


def latest_of(place: str, found: Sequence[Aftermath]) -> Reading | None:
    """What to say beside reading_of() where that tells of an earlier run that is well again, and after the latest
    nobody looked, or not at all of it; None: nothing."""
    if len(found) < 2 or any(finding for one in found for finding in _findings(one)):
        return None
    latest = found[0].told
    outcome, word = _WORDS[Health(str(latest.get("health") or Health.WATCHING))]
    if outcome is Outcome.HEALTHY or not any(one.told.get("health") == Health.WORSE for one in found[1:]):
        return None
    return Reading(f"{place} health after the latest", outcome, word, str(latest.get("text") or ""))


_WORDS: Mapping[Health, tuple[Outcome, str]] = {
    Health.WATCHING: (Outcome.HEALTHY, "watched_after"),
    Health.HEALTHY: (Outcome.HEALTHY, "healthy_after"),
    Health.UNCHANGED: (Outcome.HEALTHY, "healthy_after"),
    Health.WORSE: (Outcome.HEALTHY, "well_again"),  # or seen by one look alone, so far
    Health.COULD_NOT_LOOK: (Outcome.UNKNOWN, "unknown_after"),
    Health.NOT_WATCHED: (Outcome.NOT_APPLICABLE, "not_watched_after"),
}


VERDICTS: Mapping[str, str] = {
    "worse_after": "Something went wrong after an apply that was well before it, and is not over.",
    "well_again": "Something went wrong after an apply, and is well again, or one look alone has seen it so far.",
    "watched_after": "It is being watched after an apply.",
    "healthy_after": "Nothing got worse after the latest apply.",
    "unknown_after": "Could not look at all of it after the latest apply.",
    "not_watched_after": "Nobody looked after the latest apply.",
}


def _findings(one: Aftermath) -> Iterable[Finding]:
    worse = [each for each in still(one.told) if each.get("confirmed")]
    if not worse:
        return
    facts = dict(one.facts)
    rollback = str(facts.get("rollback") or "")
    by = f" by {facts['actor']}" if facts.get("actor") else ""
    of = f" of {str(facts['commit'])[:7]}" if facts.get("commit") else ""
    summary = f"{one.workflow}{of}{by} applied, and its stack is worse since: {few([str(w['what']) for w in worse])}"
    others = list(one.told.get("other_runs") or ())
    also = f" (another run applied to it meanwhile: {', '.join(map(str, others[:3]))})" if others else ""
    way = f"# go back: {rollback}" if rollback else "# it named no way back; see what it changed: /runs/" + one.run_id
    yield Finding(
        Kind.WORKFLOW_FAILURE, f"worse:{one.run_id}", summary + also, cause=f"run {one.run_id}", remedy=way,
        evidence={**facts, "run_id": one.run_id, "verdict": "worse_after", "worse": worse, "other_runs": others},
    )  # fmt: skip
