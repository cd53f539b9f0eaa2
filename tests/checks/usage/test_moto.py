"""The check against moto's server: real clients and real parsers, for the services that moto has right."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from checks.base import Outcome
from checks.usage.model import Service
from checks.utilization import Utilization
from tests.aws.places import REGION, moto_place, seed

ACCOUNT = "271828182845"


def test_datapoints_and_alarms_over_the_wire(moto: str) -> None:
    """A database that is hot, an alarm that rings, a function and a queue that nobody uses."""
    now = datetime.now(UTC)
    rds, watch, sqs = (seed(moto, name, account=ACCOUNT) for name in ("rds", "cloudwatch", "sqs"))
    rds.create_db_instance(
        DBInstanceIdentifier="hot", DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="u",
        MasterUserPassword="hunter22", AllocatedStorage=20,
    )  # fmt: skip
    at = [{"Name": "DBInstanceIdentifier", "Value": "hot"}]
    for minutes in range(5, 60, 5):
        when = now - timedelta(minutes=minutes)
        for name, value in (("CPUUtilization", 97.0), ("FreeStorageSpace", 15.0 * 2**30)):
            data = {"MetricName": name, "Dimensions": at, "Timestamp": when, "Value": value}
            watch.put_metric_data(Namespace="AWS/RDS", MetricData=[data])
    watch.put_metric_alarm(
        AlarmName="ringing", Namespace="AWS/RDS", MetricName="CPUUtilization", Dimensions=at, Period=60,
        EvaluationPeriods=1, Threshold=90.0, Statistic="Average", ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    watch.set_alarm_state(AlarmName="ringing", StateValue="ALARM", StateReason="for the test")
    sqs.create_queue(QueueName="jobs")
    place = moto_place(Utilization, moto, account=ACCOUNT, now=now)
    check = Utilization(services=(Service.RDS, Service.SQS))
    readings = {reading.resource: reading for reading in check.run(place)}
    database = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:hot"
    words = {gauge: readings[f"{database}#{gauge}"].verdict for gauge in ("cpu", "storage", "connections")}
    # It was made just now, so that a metric without datapoints is no gap yet.
    assert words == {"cpu": "over_used", "storage": "within", "connections": "new"}
    assert readings[f"arn:aws:sqs:{REGION}:{ACCOUNT}:jobs#age"].verdict == "idle"
    alarm = readings[f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:ringing"]
    assert (alarm.verdict, alarm.outcome) == ("alarm", Outcome.UNHEALTHY)
