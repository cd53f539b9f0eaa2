"""The sections of the compliance report, in their order. Pure; a number that is not known is None."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from checks.runs.cycle import Broken
from daemon.report.compliance.facts import Agreed, Applied, Facts, Ran
from daemon.report.model import Cell, Column, Figure, Light, Section, Table, Unit
from daemon.report.words import plural
from daemon.store.periods import Opened

MOST = 2_000  # rows of a table; its total counts all
_WHEN = Column("when", Unit.MOMENT)


def _figure(label: str, value: float | None, unit: Unit = Unit.COUNT, better: str = "", note: str = "") -> Figure:
    return Figure(label, unit, None if value is None else float(value), better=better, note=note)


def _table(title: str, columns: Sequence[Column], found: Iterable[Sequence[Cell]], empty: str) -> Table:
    rows = tuple(tuple(row) for row in found)
    return Table(title, tuple(columns), rows[:MOST], len(rows), empty)


def _text(*names: str) -> list[Column]:
    return [Column(name) for name in names]


def broken(one: Applied, rule: Broken) -> bool:
    return any(fault.rule is rule for fault in one.judged.faults)


def adherence(applies: Sequence[Applied]) -> tuple[int, int, int]:
    """How many kept to the cycle, did not, and of how many it is not known."""
    words = [one.judged.adheres for one in applies]
    return words.count(True), words.count(False), words.count(None)


def unrecorded(facts: Facts) -> list[Opened]:
    """Changes of states that no run explains, told of for the first time in the period."""
    return [one for one in facts.known.opened if one.check == "state" and one.cause.startswith("unrecorded change:")]


def unrecorded_known(facts: Facts) -> int | None:
    """How many; None: the check `state` has not looked, or nothing is known of the period."""
    known = facts.knows("incidents") and facts.known.checks.get("state")
    return len(unrecorded(facts)) if known else None


def wanting(facts: Facts) -> list[str]:
    """What the report should know, and nobody looks at."""
    found = []
    if not facts.cycle:
        found.append("whether applies keep to the cycle: executions.guideline is not set")
    if not facts.known.checks.get("access"):
        found.append("who has access and changes by hand: the check access has not looked")
    if not facts.known.checks.get("state"):
        found.append("unrecorded changes: the check state has not looked")
    return found


def _ran(facts: Facts) -> Section:
    known = facts.knows("runs")
    runs = [one for one in facts.runs if one.production]
    applies = [one for one in runs if one.applied and not one.dry_run]
    lost = [one for one in runs if one.state == "lost"]
    failed = [one for one in applies if one.state == "failed"]

    def number(found: Sequence[Ran]) -> float | None:
        return len(found) if known else None

    rows = (
        (one.began, one.workflow, one.where, one.stage or "not known: production", one.actor or None,
         one.commit or None, one.state, _what(one), _changes(one), one.run_id)
        for one in facts.runs
    )  # fmt: skip
    columns = [_WHEN, *_text("workflow", "where", "stage", "actor", "commit", "state", "what", "changes", "run")]
    light = Light.GREY if not known else Light.AMBER if lost or failed else Light.GREEN
    said = f"{plural(len(applies), 'apply', 'applies')} to production, of {plural(len(runs), 'run')} there"
    return Section(
        "executions", "Executions", light, f"{said}." if known else "No data.",
        figures=(
            _figure("Applies to production", number(applies)), _figure("Runs on production", number(runs)),
            _figure("Failed applies", number(failed), better="less"),
            _figure("Lost runs", number(lost), better="less", note="nobody knows how they ended"),
            _figure("Deployments by name only", number([one for one in runs if one.by_name]),
                    note="they told of no apply, so nothing is known of what they did"),
            _figure("Runs in all", len(facts.runs) if known else None),
        ),
        tables=(_table("All runs", columns, rows, "No run was recorded." if known else "No data."),),
        notes=("There are more runs than are read; narrow the period.",) if facts.known.more_runs else (),
    )  # fmt: skip


def _what(one: Ran) -> str:
    if one.dry_run:
        return "dry run"
    if one.emergency:
        return "emergency"
    return "apply" if one.applied else "deployment, by its name" if one.by_name else ""


def _changes(one: Ran) -> str | None:
    if one.changes is None:
        return None
    added, changed, destroyed = one.changes
    return f"{added} created, {changed} changed, {destroyed} destroyed"


def _agreed(facts: Facts) -> Section:
    known = facts.knows("runs")
    given = [one for one in facts.agreed if not one.approval.review]
    revoked = [one for one in given if one.approval.revoked_at is not None]
    useless = [one for one in given if one.why_not]
    columns = [_WHEN, *_text("by", "said to be from", "for what", "evidence", "how", "counts for", "why not"),
               Column("revoked", Unit.MOMENT), Column("id")]  # fmt: skip
    said = f"{plural(len(given), 'approval')} given; {len(revoked)} revoked, {len(useless)} that count for nothing."
    light = Light.GREY if not known else Light.AMBER if useless else Light.GREEN
    return Section(
        "approvals", "Approvals", light, said if known else "No data.",
        figures=(
            _figure("Approvals given", len(given) if known else None),
            _figure("Revoked", len(revoked) if known else None),
            _figure("That count for nothing", len(useless) if known else None, better="less"),
        ),
        tables=(_table("Approvals", columns, map(_agreed_row, given), "None was given." if known else "No data."),),
    )  # fmt: skip


def _agreed_row(one: Agreed) -> Sequence[Cell]:
    it = one.approval
    subject = f"run {it.run_id}" if it.run_id else f"commit {it.commit} on {it.stack}"
    return (
        it.at, it.by, it.told, subject, it.evidence or None, it.via or None, ", ".join(one.counted), one.why_not,
        it.revoked_at if it.revoked_at is not None else "", it.mark,
    )  # fmt: skip


def _windows(facts: Facts) -> Section:
    outside = [one for one in facts.applied if broken(one, Broken.OUT_OF_WINDOW)]
    known = facts.cycle and facts.knows("runs")
    light = Light.GREY if not known else Light.RED if outside else Light.GREEN
    rows = (
        (one.judged.apply.began, _place(one), one.judged.apply.actor or None, _why(one, Broken.OUT_OF_WINDOW),
         one.judged.apply.run_id)
        for one in outside
    )  # fmt: skip
    freezes = ((stack, begins, ends, why) for stack, begins, ends, why in facts.freezes)
    return Section(
        "windows", "Change windows and freezes", light,
        f"{plural(len(outside), 'apply', 'applies')} outside of them." if known else "No data.", watched=facts.cycle,
        why="" if facts.cycle else "executions.guideline is not set",
        figures=(_figure("Applies outside", len(outside) if known else None, better="less"),),
        tables=(
            _table("Outside of windows, or in a freeze", [_WHEN, *_text("where", "actor", "why", "run")], rows,
                   "None." if known else "No data."),
            _table("Windows", _text("stacks", "when"), facts.windows, "None is set: all time is allowed."),
            _table("Freezes of the period", [Column("stacks"), Column("from", Unit.MOMENT), Column("to", Unit.MOMENT),
                                             Column("why")], freezes, "None."),
        ),
        notes=("Windows and freezes are those of the configuration now.",),
    )  # fmt: skip


def _emergencies(facts: Facts) -> Section:
    known = facts.knows("runs")
    found = [one for one in facts.runs if one.emergency]
    owed = [one for one in found if not one.reviewed_by]
    overdue = [one for one in owed if one.review_due is not None and one.review_due <= facts.as_of]
    rows = (
        (one.began, one.workflow, one.where, one.actor or None, one.review_due,
         f"done by {', '.join(one.reviewed_by)}" if one.reviewed_by else "overdue" if one in overdue else "owed",
         one.run_id)
        for one in found
    )  # fmt: skip
    columns = [_WHEN, *_text("workflow", "where", "actor"), Column("review due", Unit.MOMENT), *_text("review", "run")]
    light = Light.GREY if not known else Light.RED if overdue else Light.AMBER if owed else Light.GREEN
    reviews = [one for one in facts.agreed if one.approval.review]
    given = [Column("given", Unit.MOMENT), *_text("by", "said to be from", "for what", "evidence", "how", "counts for",
             "why not"), Column("revoked", Unit.MOMENT), Column("id")]  # fmt: skip
    return Section(
        "emergencies", "Emergencies and their reviews", light,
        f"{plural(len(found), 'emergency', 'emergencies')}; {plural(len(owed), 'review')} owed, {len(overdue)} overdue."
        if known else "No data.",
        figures=(
            _figure("Emergencies", len(found) if known else None),
            _figure("Reviews owed", len(owed) if known else None, better="less", note="the overdue among them"),
            _figure("Reviews overdue", len(overdue) if known else None, better="less"),
            _figure("Reviews done", len(found) - len(owed) if known else None),
        ),
        tables=(
            _table("Emergencies", columns, rows, "None." if known else "No data."),
            _table("Reviews given in the period", given, map(_agreed_row, reviews), "None." if known else "No data."),
        ),
    )  # fmt: skip


def _cycle(facts: Facts) -> Section:
    known = facts.cycle and facts.knows("runs")
    applies = [one for one in facts.applied if one.production]
    kept, outside, open_ = adherence(applies)
    past = unrecorded_known(facts)
    share = kept / (kept + outside + (past or 0)) if known and kept + outside + (past or 0) else None
    rules = (
        (stack, stage, str(rule), float(len(ones) - count), float(count),
         float(sum(one.judged.adheres is None for one in ones)))
        for (stack, stage), ones in _by_stack(facts.applied) for rule in Broken
        if (count := sum(broken(one, rule) for one in ones)) or rule in _ALWAYS
    )  # fmt: skip
    faults = (
        (one.judged.apply.began, _place(one), one.stage or "not known: production", str(fault.rule), fault.why,
         one.judged.apply.actor or None, one.judged.apply.run_id)
        for one in facts.applied for fault in one.judged.faults
    )  # fmt: skip
    applied = (
        (one.judged.apply.began, _place(one), one.stage or "not known: production", one.judged.apply.actor or None,
         one.judged.apply.commit or None, _adheres(one), ", ".join(one.approved_by),
         "; ".join((*one.judged.pending, *one.judged.unknown)), one.judged.apply.run_id)
        for one in facts.applied
    )  # fmt: skip
    light = Light.GREY if not known else Light.AMBER if outside else Light.GREY if open_ else Light.GREEN
    columns = [*_text("stack", "stage", "rule"), *(Column(name, Unit.COUNT) for name in _RULE_COUNTS)]
    return Section(
        "cycle", "The guideline's cycle", light,
        f"{kept} applies to production kept to it, {outside} did not, {open_} are not known." if known else "No data.",
        watched=facts.cycle, why="" if facts.cycle else "executions.guideline is not set",
        figures=(
            _figure("Changes of production through the recorded cycle", share, Unit.RATIO, "more",
                    "kept, of kept and broken applies and unrecorded changes" if past is not None
                    else "unrecorded changes are not known"),
            _figure("Applies that did not keep to it", outside if known else None, better="less"),
            _figure("Applies that kept to it", kept if known else None),
            _figure("Applies of which it is not known", open_ if known else None, better="less"),
        ),
        tables=(
            _table("Rules by stack", columns, rules, "No apply." if known else "No data."),
            _table("What was broken", [_WHEN, *_text("where", "stage", "rule", "why", "actor", "run")], faults,
                   "Nothing." if known else "No data."),
            _table("Applies", [_WHEN, *_text("where", "stage", "actor", "commit", "kept to it", "approved by",
                                             "not known", "run")], applied, "None." if known else "No data."),
        ),
        notes=("The rules are those of the configuration now.",),
    )  # fmt: skip


_RULE_COUNTS = ("not broken by", "broken by", "applies of which not all is known")
_ALWAYS = (Broken.UNAPPROVED, Broken.OUT_OF_WINDOW, Broken.STEP_MISSING, Broken.NOT_STAGED)


def _adheres(one: Applied) -> str:
    return {True: "yes", False: "no", None: "not known"}[one.judged.adheres]


def _by_stack(found: Iterable[Applied]) -> list[tuple[tuple[str, str], list[Applied]]]:
    kept: dict[tuple[str, str], list[Applied]] = {}
    for one in found:
        kept.setdefault((one.judged.apply.stack, one.stage or "not known: production"), []).append(one)
    return sorted(kept.items())


def _place(one: Applied) -> str:
    return "/".join(part for part in (one.judged.apply.stack, one.judged.apply.component) if part)


def _why(one: Applied, rule: Broken) -> str:
    return next((fault.why for fault in one.judged.faults if fault.rule is rule), "")


def _incidents(facts: Facts, found: Sequence[Opened], title: str) -> Table:
    rows = (
        (one.at, one.kind, one.tier, one.stack or one.place, one.summary, one.who or None, one.state,
         "first look" if one.first_look else "", one.fingerprint)
        for one in found
    )  # fmt: skip
    columns = [_WHEN, *_text("kind", "severity", "where", "what", "who, likely", "now", "baseline", "incident")]
    return _table(title, columns, rows, "None." if facts.knows("incidents") else "No data.")


def _access(facts: Facts) -> Section:
    looked = bool(facts.known.checks.get("access"))
    known = facts.knows("incidents")
    seen = [one for one in facts.known.opened if one.check == "access"]
    violations = [one for one in facts.known.opened if one.kind == "security_violation"]
    root = [one for one in seen if "root" in f"{one.key} {one.verdict}".lower()]
    light = Light.GREY if not (looked and known) else Light.AMBER if seen or violations else Light.GREEN
    said = f"{plural(len(violations), 'security violation')} opened" if known else "No data"
    return Section(
        "access", "Access and violations", light, f"{said}{'' if looked else '; nobody looked at access'}.",
        figures=(
            _figure("Security violations opened", len(violations) if known else None, better="less"),
            _figure("Findings about access", len(seen) if known and looked else None, better="less"),
            _figure("Of those about the root user", len(root) if known and looked else None, better="less"),
        ),
        tables=(_incidents(facts, violations, "Security violations"), _incidents(facts, seen, "Access")),
        notes=(() if looked else ("The check access has not looked: sign-ins and changes by hand are not known.",))
        + (("There is more than is read; narrow the period.",) if facts.known.more_opened else ()),
    )  # fmt: skip


def _unrecorded(facts: Facts) -> Section:
    looked, known = bool(facts.known.checks.get("state")), facts.knows("incidents")
    found = unrecorded(facts)
    light = Light.GREY if not (looked and known) else Light.RED if found else Light.GREEN
    return Section(
        "unrecorded", "Unrecorded changes", light,
        f"{plural(len(found), 'change')} of a state that no run explains." if looked and known else "No data.",
        figures=(_figure("Unrecorded changes", len(found) if looked and known else None, better="less"),),
        tables=(_incidents(facts, found, "Changes that no run recorded"),),
    )  # fmt: skip


def _scores(facts: Facts) -> Section:
    scores = [one for one in facts.known.scores if one.before is not None or one.after is not None]
    rows = (
        (one.stack, one.before, one.before_at, one.after, one.after_at,
         None if one.before is None or one.after is None else one.after - one.before)
        for one in sorted(scores, key=lambda one: (one.after if one.after is not None else 2.0, one.stack))
    )  # fmt: skip
    columns = [Column("stack"), Column("before the period", Unit.RATIO), Column("of", Unit.MOMENT),
               Column("at its end", Unit.RATIO), Column("as of", Unit.MOMENT),
               Column("change", Unit.NUMBER)]  # fmt: skip
    now = [one.after for one in scores if one.after is not None]
    return Section(
        "scores", "Scores by stack", Light.GREEN if now else Light.GREY,
        f"{plural(len(now), 'stack has', 'stacks have')} a score of the period." if now else "No data.",
        figures=(_figure("Lowest score", min(now) if now else None, Unit.RATIO, "more"),),
        tables=(_table("Scores", columns, rows, "No data: the check compliance kept no score."),),
    )  # fmt: skip


def _gaps(facts: Facts) -> Section:
    known, notes = facts.known, []
    began = known.began
    rows: list[tuple[Cell, ...]] = []
    if began is None or began > facts.starts:
        upto = facts.ends if began is None else min(began, facts.ends)
        rows.append(("Barograph", facts.starts, upto, "it did not watch yet"))
    for what in sorted(facts.kept or {}):
        since = facts.kept_since(what)
        if since is not None and since > facts.starts:
            rows.append((what, facts.starts, min(since, facts.ends), "what has ended then may have left by age"))
    if began is not None and began < facts.ends and not known.looks:
        rows.append(("Barograph", max(began, facts.starts), facts.ends, "no look is on record"))
    rows += [("Barograph", since, until, "nothing was looked at") for since, until in known.silent
             if began is None or until > began]  # fmt: skip
    rows += [(f"{check} at {place}", None, None, f"{plural(count, 'look')} failed, the last: {why}")
             for check, place, count, why in known.blind]  # fmt: skip
    notes += wanting(facts)
    if facts.as_of < facts.span.ends:
        notes.append("The period is not over: this is as of when the report was made.")
    return Section(
        "gaps", "Data gaps", Light.GREY if rows or notes else Light.GREEN,
        f"{plural(len(rows), 'gap')} in what was looked at." if rows else "Nothing is known to be missing.",
        figures=(_figure("Gaps", len(rows)),),
        tables=(_table("When Barograph was not looking", [Column("what"), Column("from", Unit.MOMENT),
                Column("to", Unit.MOMENT), Column("why")], rows, "None."),),
        notes=tuple(notes),
    )  # fmt: skip


def _trail(facts: Facts) -> Section:
    trail, known = facts.trail, facts.known
    outcome = trail.outcome if trail is not None else "unknown"
    said = {
        "whole": "The audit trail is whole", "broken": "The audit trail is BROKEN",
        "unknown": "Whether the audit trail is whole could not be told",
    }[outcome]  # fmt: skip
    lights = {"whole": Light.GREEN, "broken": Light.RED, "unknown": Light.GREY}
    late = known.trail_from is None or known.trail_from > facts.starts
    notes = list(trail.told) if trail is not None else []
    if late:
        when = "is empty" if known.trail_from is None else f"begins at {known.trail_from:%Y-%m-%d %H:%M} UTC"
        notes.append(f"The trail {when}, after the period began.")
    rows = ((action, float(count)) for action, count in sorted(known.actions.items()))
    return Section(
        "trail", "The audit trail", lights[outcome],
        f"{said}, {trail.anchored}." if trail is not None else f"{said}.",
        figures=(
            _figure("Rows of the period", sum(known.actions.values()) if known.trail_from is not None else None),
            _figure("Rows in all", trail.rows if trail is not None else None, note=trail.head if trail else ""),
        ),
        tables=(_table("What was done", [Column("action"), Column("times", Unit.COUNT)], rows, "Nothing."),),
        notes=tuple(notes),
    )  # fmt: skip


SECTIONS: tuple[Callable[[Facts], Section], ...] = (
    _ran, _agreed, _cycle, _windows, _emergencies, _access, _unrecorded, _scores, _gaps, _trail,
)  # fmt: skip
