"""From what the simulator says and what looks met to what is known of each right. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from checks.base import Role
from daemon.policies.demands import ASSUME
from daemon.rights.model import Answer, Denial, Right, Standing, Subject
from daemon.rights.simulate import Simulated


def standing(subject: Subject, simulated: Simulated, denials: Iterable[Denial]) -> Standing:
    """Judge one subject. A right is there only where the simulator says so and no last look says otherwise."""
    met = {one.action: one for one in denials if _is_of(one, subject)}
    rights = [_right(action, checks, simulated, met.get(action)) for action, checks in subject.wanted.items()]
    if simulated.refused:
        everyone = tuple(sorted({check for checks in subject.wanted.values() for check in checks}))
        rights.insert(0, Right(ASSUME, everyone, Answer.MISSING, simulated.refused))
    return Standing(subject, tuple(rights), simulated.failed)


def _right(action: str, checks: tuple[str, ...], simulated: Simulated, denial: Denial | None) -> Right:
    answer, told = simulated.said.get(action, (Answer.COULD_NOT_TELL, simulated.failed or "the simulator does not say"))
    if denial is not None:
        refused = f"{denial.check} was refused it at {denial.place}, {denial.at:%Y-%m-%d %H:%M} UTC"
        if answer is Answer.THERE:
            return Right(action, checks, Answer.COULD_NOT_TELL, f"allowed by the role's policies, but {refused}")
        if answer is Answer.COULD_NOT_TELL:
            return Right(action, checks, Answer.MISSING, refused)
    return Right(action, checks, answer, told)


def _is_of(denial: Denial, subject: Subject) -> bool:
    """Whether a check met the refusal as *subject*: in its account, where it asks with that role."""
    if denial.place.partition("/")[0] != subject.account.id and subject.role is not Role.ORGANIZATION:
        return False
    return denial.check in subject.wanted.get(denial.action, ())
