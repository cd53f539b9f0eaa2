"""Datapoints in pages, and what of them is not sure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest

from checks.aws import AwsError
from checks.base import Check
from checks.cloudwatch import BATCH, Metric, ask
from tests.aws.fake import FakeAws
from tests.aws.places import NOW, fake_place

METRICS = ("cloudwatch", "get_metric_data")
CPU = Metric("AWS/EC2", "CPUUtilization", (("InstanceId", "i-1"),), "Average")


class Looking(Check):
    iam: ClassVar[tuple[str, ...]] = ("cloudwatch:GetMetricData",)


def asked(answer: Any, *metrics: Metric) -> Any:
    place = fake_place(Looking, FakeAws({METRICS: answer}))
    return ask(place, metrics or (CPU,), timedelta(minutes=75))


def part(*values: float, status: str = "Complete", of: int = 0, minutes: int = 0) -> dict[str, Any]:
    times = [NOW - timedelta(minutes=minutes + 5 * number) for number in range(len(values))]
    return {"Id": f"q{of}", "Timestamps": times, "Values": list(values), "StatusCode": status}


@pytest.mark.parametrize(
    ("pages", "values", "doubt"),
    [
        ([[part(2, 1)]], [1, 2], ""),
        ([[part()]], [], ""),
        ([[part(3, status="PartialData")], [part(2, 1, minutes=5)]], [1, 2, 3], ""),
        ([[part(3)], [part(2, status="PartialData", minutes=5)]], [2, 3], "CloudWatch says PartialData"),
        ([[part(3, status="Forbidden")]], [3], "CloudWatch says Forbidden"),
        ([[]], [], "CloudWatch's answer says nothing of it"),
        ([[part(3, of=7)]], [], "CloudWatch's answer says nothing of it"),
        ([[{**part(3), "Values": []}]], [], "CloudWatch gives times without values"),
    ],
)
def test_pages_are_joined_and_the_last_one_says_whether_all_is_there(
    pages: list[Any], values: list[float], doubt: str
) -> None:
    """Oldest first; nothing is made up for what does not come."""
    (found,) = asked([{"MetricDataResults": page} for page in pages])
    assert (found.values, found.doubt, found.whole) == (values, doubt, not doubt)


def test_a_message_about_the_whole_question_makes_nothing_sure() -> None:
    """Nor does one on another page."""
    pages = [{"MetricDataResults": [part(1)], "Messages": [{"Code": "MaxMetricsExceeded"}]}, {"MetricDataResults": []}]
    assert asked(pages)[0].doubt == "CloudWatch says MaxMetricsExceeded"


def test_pages_that_do_not_end_make_nothing_sure() -> None:
    """The same token again, or a new one for ever."""
    assert asked({"MetricDataResults": [part(1)], "NextToken": "x"})[0].doubt == "the same page again and again"
    count = iter(range(1000))
    endless = asked(lambda call: {"MetricDataResults": [part(1)], "NextToken": str(next(count))})
    assert endless[0].doubt == "pages without end"


def test_an_answer_without_results_is_an_error() -> None:
    """Not an account without datapoints."""
    with pytest.raises(AwsError, match="no results"):
        asked({"Messages": []})


def test_each_metric_has_its_own_series() -> None:
    """In the order in which they were asked for, as many as go into one question."""
    metrics = tuple(Metric("AWS/SQS", f"M{number}", (), "Sum") for number in range(BATCH))
    results = [part(float(number), of=number) for number in reversed(range(BATCH))]
    found = asked({"MetricDataResults": results}, *metrics)
    assert [each.values for each in found] == [[float(number)] for number in range(BATCH)]
