"""From the facts to the report: one sentence, what needs a decision, then the sections. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from checks.base import Kind
from checks.runs.cycle import Broken
from daemon.report.compliance.facts import Applied, Facts
from daemon.report.compliance.parts import SECTIONS, adherence, broken, unrecorded, unrecorded_known, wanting
from daemon.report.model import Decision, Light, Report, Section, worst
from daemon.report.scrub import scrubbed
from daemon.report.words import plural

DECISIONS = 10
KIND = "compliance"
_VIOLATIONS = (Broken.UNAPPROVED, Broken.SELF_APPROVED, Broken.OUT_OF_WINDOW)


def build(facts: Facts) -> Report:
    """The report about the facts' period."""
    sections = tuple(section(facts) for section in SECTIONS)
    decisions = list(_decisions(facts))
    by_name = {section.id: section for section in sections}
    top = tuple(figure for name in ("executions", "cycle", "emergencies") for figure in by_name[name].figures[:2])
    return scrubbed(Report(
        week=facts.span, made_at=facts.as_of, light=_light(sections), headline=_headline(facts, by_name["trail"]),
        decisions=tuple(decisions[:DECISIONS]), decisions_left=max(0, len(decisions) - DECISIONS),
        sections=sections, figures=top, status_url=facts.status_url, kind=KIND,
    ))  # fmt: skip


def _light(sections: Sequence[Section]) -> Light:
    return worst([each.light for each in sections if each.watched])


def _headline(facts: Facts, trail: Section) -> str:
    """One sentence."""
    if not facts.knows("runs"):
        broken_trail = f"{trail.summary} " if facts.trail is not None and facts.trail.outcome == "broken" else ""
        return f"{broken_trail}Nothing is known of this period: Barograph did not watch, or it is kept no longer."
    applies = [one for one in facts.applied if one.production]
    if not facts.cycle:
        text = "Applies are not held against a guideline here (executions.guideline)"
    elif not applies:
        text = "No apply to production was recorded"
    else:
        kept, outside, open_ = adherence(applies)
        text = (
            f"Of {plural(len(applies), 'apply', 'applies')} to production {kept} kept to the cycle, {outside} did not, "
            f"and of {open_} it is not known"
        )
    past = unrecorded_known(facts)
    parts = [text]
    if past is None:
        parts.append("unrecorded changes are not known")
    elif past:
        parts.append(plural(past, "change was", "changes were") + " recorded by no run")
    owed = [one for one in facts.runs if one.emergency and not one.reviewed_by]
    if owed:
        parts.append(plural(len(owed), "emergency owes its review", "emergencies owe their review"))
    parts.append(trail.summary[:1].lower() + trail.summary[1:].rstrip("."))
    if facts.as_of < facts.span.ends:
        parts.append("the period is not over")
    return "; ".join(parts) + "."


def _decisions(facts: Facts) -> Iterator[Decision]:
    """What needs a person, the gravest first."""
    platform = "who runs Barograph"
    if facts.trail is not None and facts.trail.outcome == "broken":
        told = facts.trail.told[0] if facts.trail.told else "see audit verify"
        yield Decision(f"The audit trail is broken: {told}", platform, "barograph audit verify")
    for rule in _VIOLATIONS:
        for one in (each for each in facts.applied if each.production and broken(each, rule)):
            yield _of_apply(one, rule)
    for opened in unrecorded(facts):
        yield Decision(
            f"A change that no run recorded: {opened.summary}", opened.who or "nobody knows who made it",
            f"barograph alerts show {opened.fingerprint}", opened.stack or opened.place, opened.kind,
        )  # fmt: skip
    for run in facts.runs:
        if run.emergency and not run.reviewed_by:
            late = run.review_due is not None and run.review_due <= facts.as_of
            text = "is overdue" if late else "is owed"
            yield Decision(
                f"The review of the emergency {run.workflow} {text}", f"somebody other than {run.actor or 'its actor'}",
                f"barograph review {run.run_id} --evidence LINK", run.where, str(Kind.COMPLIANCE),
            )  # fmt: skip
    yield from _left_out(facts)
    for what in wanting(facts):
        yield Decision(f"Not known: {what}", platform, "barograph config check")


def _left_out(facts: Facts) -> Iterator[Decision]:
    """Rules that are no violation, all in one."""
    faults = Counter(
        str(fault.rule) for one in facts.applied if one.production for fault in one.judged.faults
        if fault.rule not in (*_VIOLATIONS, Broken.REVIEW_OVERDUE)
    )  # fmt: skip
    if faults:
        rules = ", ".join(f"{rule} ({count})" for rule, count in faults.most_common())
        yield Decision(
            f"Applies to production left out parts of the cycle: {rules}", "who applies to production",
            "see the section on the cycle", runbook=str(Kind.COMPLIANCE),
        )  # fmt: skip


def _of_apply(one: Applied, rule: Broken) -> Decision:
    apply = one.judged.apply
    why = next(fault.why for fault in one.judged.faults if fault.rule is rule)
    return Decision(
        f"An apply broke the rule {rule}: {why}", apply.actor or "nobody told who ran it",
        f"open /runs/{apply.run_id}", "/".join(part for part in (apply.stack, apply.component) if part),
        str(Kind.SECURITY_VIOLATION),
    )  # fmt: skip
