"""One plan, one verdict: from both arrays, attribute by attribute, after normalisation.

recorded is what the state had before the plan's refresh, actual what the refresh found, desired what the code wants.
No exit code and no text takes part: neither says whether something was changed outside Terraform.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from checks.plans import references, security
from checks.plans.classify import Context, Part, Subject, drifted_parts, is_left_alone, planned_parts, subject
from checks.plans.ignore import IgnoreRule, covering
from checks.plans.late import Echoes
from checks.plans.model import (
    DRIFTED,
    NOT_UNDONE,
    Class,
    Difference,
    FailedCheck,
    Judgement,
    NotJudgeable,
    Verdict,
    Violation,
)
from checks.plans.normalise import Path, canonical, text
from checks.plans.parse import (
    Change,
    change_entries,
    covered,
    drift_entries,
    output_entries,
    relevant_attributes,
    state_resources,
    validated,
)
from checks.plans.redact import Scrubber, cut, secrets_of
from checks.plans.show import difference
from checks.plans.words import reason_for


def judge(plan: Any, ignore: Sequence[IgnoreRule] = ()) -> Judgement:
    """What the JSON of `terraform show -json PLANFILE` says, redacted.

    *ignore*: the rules that apply to this instance today. Raises NotJudgeable for whatever is no whole plan of a
    known format; never gives a verdict then. `-refresh=false` cannot be seen in a plan: never use it.
    """
    try:
        return _judge(validated(plan), ignore)
    except NotJudgeable:
        raise
    except RecursionError:
        raise NotJudgeable("the JSON is nested too deeply to be a plan") from None
    except Exception as error:  # noqa: BLE001  # its text and traceback may hold secrets of the plan
        raise NotJudgeable(f"the plan is not built as Terraform builds plans ({type(error).__name__})") from None


def _judge(plan: Mapping[str, Any], ignore: Sequence[IgnoreRule]) -> Judgement:
    drifts = {entry.key: entry for entry in drift_entries(plan)}
    changes = {entry.key: entry for entry in change_entries(plan)}
    covered(plan, changes.values())
    outputs = output_entries(plan)
    managed = [resource for resource in state_resources(plan, "prior_state") if resource.get("mode") != "data"]
    # A plain plan has an entry for every resource of the state, if only a no-op.
    refresh_only = not any(entry.mode == "managed" for entry in changes.values()) and bool(managed or drifts)
    context = Context(plan, references.Named(relevant_attributes(plan)), Echoes(plan), covers_changes=not refresh_only)
    subjects = [subject(drifts.get(key), changes.get(key)) for key in dict.fromkeys([*drifts, *changes])]

    scrubber = Scrubber(secrets_of(plan))
    drifted, ignored_by, phantoms = _drifted(subjects, context, ignore)
    follows = _follower(plan, context, subjects, drifted)
    found: list[Difference] = []
    for it in subjects:
        parts = drifted[it.address, it.entry.deposed]
        found.extend(difference(it, [*parts, *planned_parts(it, parts, follows)], scrubber, ignored_by))
    found.extend(_outputs(outputs, scrubber, follows, refresh_only=refresh_only and bool(drifts)))
    settled = _settled(found)
    failed, unknown = _checks(plan, scrubber)
    never = _never_deployed(managed, drifts, changes, outputs)
    verdict = _verdict(settled, failed, never_deployed=never)
    return Judgement(
        verdict, reason_for(verdict, settled, failed, unknown), settled, failed, unknown,
        _violations(subjects, plan, scrubber, ignore), phantoms,
        resources=len({it.address for it in subjects if it.entry.mode == "managed"} | set(map(_address, managed))),
        refresh_only=refresh_only,
    )  # fmt: skip


def _address(resource: Mapping[str, Any]) -> str:
    return str(resource.get("address"))


Drifted = dict[tuple[str, str], list[Part]]
IgnoredBy = dict[tuple[str, Path], IgnoreRule]


def _drifted(
    subjects: Iterable[Subject], context: Context, ignore: Sequence[IgnoreRule]
) -> tuple[Drifted, IgnoredBy, int]:
    """The drifted parts of every resource, those that a rule silences as accepted; and the count of phantoms."""
    declared = security.declared(context.plan)
    drifted: Drifted = {}
    ignored_by: IgnoredBy = {}
    phantoms = 0
    for it in subjects:
        parts, noise = drifted_parts(it, context)
        phantoms += noise
        parts = [_weighed(it, part, context, declared) for part in parts]
        kept = []
        for part in parts:
            # What is gone, or would be destroyed because of the change, is never silenced.
            silent = part.path and part.cls in DRIFTED and not it.deleted and not it.destroys
            rule = covering(ignore, it.address, text(part.path)) if silent else None
            if rule is None:
                kept.append(part)
                continue
            ignored_by[it.address, part.path] = rule
            kept.append(Part(Class.ACCEPTED, part.path))
            if part.cls is Class.DRIFT_AND_PENDING:
                kept.append(Part(Class.PENDING, part.path))
        drifted[it.address, it.entry.deposed] = kept
    return drifted, ignored_by, phantoms


def _weighed(it: Subject, part: Part, context: Context, declared: security.Declared) -> Part:
    """Nobody accepted an opening in an attribute that the code does not set: it is drift, though an apply leaves it."""
    if part.cls is not Class.ACCEPTED or not part.path or it.drift is None:
        return part
    attribute = str(part.path[0])
    if references.configured(context.plan, it.address, attribute) is not False:
        return part
    opened = security.openings(it.drift.type, it.address, it.recorded, it.actual, declared)
    if not any(opening.path.partition(".")[0] == attribute for opening in opened):
        return part
    return Part(Class.DRIFT, part.path, note=f"the code does not set it: {NOT_UNDONE}")


def _follower(
    plan: Mapping[str, Any], context: Context, subjects: Iterable[Subject], drifted: Drifted
) -> Callable[[str, str], bool]:
    """Says whether a planned change may be a consequence of drift that Terraform names as its origin."""
    sources = [
        it.address
        for it in subjects
        for part in drifted[it.address, it.entry.deposed]
        if part.cls in DRIFTED and context.is_relevant(it.address, part.path)
    ]

    def follows(address: str, attribute: str) -> bool:
        others = [source for source in sources if source != address]
        return bool(others) and references.may_follow(plan, address, attribute, others)

    return follows


def _outputs(
    outputs: Iterable[Change], scrubber: Scrubber, follows: Callable[[str, str], bool], *, refresh_only: bool
) -> Iterable[Difference]:
    for output in outputs:
        unknown = output.unknown not in (None, False, {}, [])
        if output.action == "no-op" and not unknown and canonical(output.before) == canonical(output.after):
            continue
        if output.action != "create" and (refresh_only or follows(output.address, "")):
            cls = Class.FOLLOWS
        elif output.action == "update" and unknown:
            cls = Class.PERPETUAL
        else:
            cls = Class.PENDING
        it = Subject(output.address, None, output, None, output.before, output.after)
        yield from difference(it, [Part(cls, action=output.action)], scrubber, {})


def _settled(found: list[Difference]) -> tuple[Difference, ...]:
    """Values that are only known after the apply are no perpetual difference where something else explains them."""
    explained = any(item.cls in DRIFTED or item.cls is Class.PENDING for item in found)
    return tuple(
        Difference(
            item.address, item.type, item.provider, item.action, Class.FOLLOWS, item.paths, item.note, item.ignored_by
        )
        if explained and item.cls is Class.PERPETUAL
        else item
        for item in found
    )


def _never_deployed(
    managed: Sequence[Any], drifts: Mapping[Any, Change], changes: Mapping[Any, Change], outputs: Iterable[Change]
) -> bool:
    """No resource in the state, and everything is to be created. (prior_state shows outputs even then.)"""
    actions = {change.action for change in changes.values() if change.mode == "managed"}
    imported = any(change.importing or change.previous_address for change in changes.values())
    return (
        not managed
        and not drifts
        and not imported
        and actions == {"create"}
        and all(output.action == "create" for output in outputs)
    )


def _verdict(found: Sequence[Difference], failed: Sequence[FailedCheck], *, never_deployed: bool) -> Verdict:
    """The word, from the classes. What alarms comes first, and nothing but silence is in sync."""
    classes = {item.cls for item in found}
    if classes & DRIFTED:
        both = Class.DRIFT_AND_PENDING in classes or Class.PENDING in classes
        return Verdict.DRIFT_AND_PENDING if both else Verdict.DRIFT
    if never_deployed:
        return Verdict.NEVER_DEPLOYED
    if failed:
        return Verdict.CHECK_FAILED
    if classes & {Class.PENDING, Class.FOLLOWS}:
        return Verdict.PENDING
    if Class.PERPETUAL in classes:
        return Verdict.PERPETUAL
    return Verdict.ACCEPTED if Class.ACCEPTED in classes else Verdict.IN_SYNC


def _checks(plan: Mapping[str, Any], scrubber: Scrubber) -> tuple[tuple[FailedCheck, ...], int]:
    """The conditions that do not hold or break, and how many the plan could not work out."""
    raw = plan.get("checks") or []
    if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
        raise NotJudgeable("checks is not a list of objects")
    failed, unknown = [], 0
    for item in raw:
        status = item.get("status")
        if status == "pass":
            continue
        if status == "unknown":
            unknown += 1
        elif status in ("fail", "error"):
            failed.append(FailedCheck(_named(item, scrubber), status, tuple(_messages(item, scrubber))))
        else:
            raise NotJudgeable("a check has a status that this program does not know")
    return tuple(failed), unknown


def _named(check: Mapping[str, Any], scrubber: Scrubber) -> str:
    address = check.get("address")
    shown = address.get("to_display") if isinstance(address, dict) else None
    return scrubber.address(shown) if isinstance(shown, str) else "a check"


def _messages(check: Mapping[str, Any], scrubber: Scrubber) -> Iterable[str]:
    instances = check.get("instances")
    for instance in instances if isinstance(instances, list) else ():
        problems = instance.get("problems") if isinstance(instance, dict) else None
        for problem in problems if isinstance(problems, list) else ():
            message = problem.get("message") if isinstance(problem, dict) else None
            if isinstance(message, str):
                yield cut(scrubber.text(message))


def _violations(
    subjects: Iterable[Subject], plan: Mapping[str, Any], scrubber: Scrubber, ignore: Sequence[IgnoreRule]
) -> tuple[Violation, ...]:
    """What was opened or weakened outside Terraform, accepted by the code's ignore_changes or not.

    A rule silences it only where it names the attribute: "everything of this resource" was not written for that.
    """
    precise = [rule for rule in ignore if rule.names_attribute]
    declared = security.declared(plan)
    found = []
    for it in subjects:
        if it.drift is None or it.drift.deposed:
            continue
        for opening in security.openings(it.drift.type, it.address, it.recorded, it.actual, declared):
            silent = not it.deleted and not it.destroys and opening.path
            if silent and covering(precise, it.address, opening.path) is not None:
                continue
            attribute = opening.path.partition(".")[0]
            summary, address = scrubber.text(opening.summary), scrubber.address(it.address)
            reverted = not (attribute and is_left_alone(it, (attribute,)))
            found.append(Violation(opening.category, address, summary, opening.public_data, reverted))
    return tuple(found)
