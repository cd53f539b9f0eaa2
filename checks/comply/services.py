"""More kinds of resource: load balancers, functions, queues, logs, clusters; an account's buckets, distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from checks.aws import Arn, AwsError, could_not_look, setting
from checks.base import Json
from checks.comply.gather import Gatherer
from checks.comply.model import Resource

BATCH = 10  # services in one question (ECS API reference, DescribeServices)
_SPACES = {"application": "AWS/ApplicationELB", "network": "AWS/NetworkELB", "gateway": "AWS/GatewayELB"}
DELIVERY_REGION = "us-east-1"  # where the log deliveries of CloudFront are


def balancers(g: Gatherer) -> Iterator[Resource]:
    """Load balancers, with their attributes."""
    for one in g.place.shared("elbv2", "describe_load_balancers", "LoadBalancers"):
        arn, kind = str(one["LoadBalancerArn"]), str(one.get("Type") or "application")
        facts, unread = g.alarmed(_SPACES.get(kind, ""), arn.partition("loadbalancer/")[2])
        known: dict[str, Json] = {"multi_az": len(one.get("AvailabilityZones") or ()) > 1, **facts}
        more, missing = g.asked(
            arn, "attributes", "whether the load balancer logs and is protected", partial(_attributes, g, arn)
        )
        for fact, key in (
            ("access_logs", "access_logs.s3.enabled"),
            ("deletion_protection", "deletion_protection.enabled"),
        ):
            if fact == "access_logs" and kind == "gateway":
                continue  # it has none
            if missing:
                unread = {**unread, fact: missing["attributes"]}
            else:
                known[fact] = more["attributes"].get(key) == "true"
        name = str(one["LoadBalancerName"])
        yield g.made(arn, "elasticloadbalancing:loadbalancer", name, known, unread=unread)


def _attributes(g: Gatherer, arn: str) -> Mapping[str, str]:
    found = g.place.shared("elbv2", "describe_load_balancer_attributes", "Attributes", LoadBalancerArn=arn)
    return {str(one.get("Key")): str(one.get("Value")) for one in found}


def functions(g: Gatherer) -> Iterator[Resource]:
    """Lambda functions."""
    for one in g.place.shared("lambda", "list_functions", "Functions"):
        name = str(one["FunctionName"])
        facts, unread = g.alarmed("AWS/Lambda", name)
        yield g.made(str(one["FunctionArn"]), "lambda:function", name, facts, unread=unread)


def queues(g: Gatherer) -> Iterator[Resource]:
    """SQS queues; a queue for what failed counts as one."""
    for url in g.place.shared("sqs", "list_queues", "QueueUrls"):
        name = str(url).rpartition("/")[2]
        facts, unread = g.alarmed("AWS/SQS", name)
        arn = str(Arn(g.place.partition, "sqs", g.place.region, g.place.account, name))
        yield g.made(arn, "sqs:queue", name, facts, unread=unread, ids=(str(url),))


def topics(g: Gatherer) -> Iterator[Resource]:
    """SNS topics."""
    for one in g.place.shared("sns", "list_topics", "Topics"):
        arn = str(one["TopicArn"])
        yield g.made(arn, "sns:topic", arn.rpartition(":")[2], {})


def log_groups(g: Gatherer) -> Iterator[Resource]:
    """Log groups of CloudWatch. Those that only deliver keep logs for two days, whatever one says."""
    for one in g.place.shared("logs", "describe_log_groups", "logGroups"):
        name = str(one["logGroupName"])
        arn = str(Arn(g.place.partition, "logs", g.place.region, g.place.account, f"log-group:{name}"))
        facts = {} if one.get("logGroupClass") == "DELIVERY" else {"retention_days": one.get("retentionInDays")}
        yield g.made(arn, "logs:log-group", name, facts, ids=(f"{arn}:*",))


def kubernetes(g: Gatherer) -> Iterator[Resource]:
    """EKS clusters."""
    for name in g.place.shared("eks", "list_clusters", "clusters"):
        arn = str(Arn(g.place.partition, "eks", g.place.region, g.place.account, f"cluster/{name}"))
        more, missing = g.asked(arn, "cluster", "whether the cluster writes its audit log", partial(_eks, g, str(name)))
        if missing:
            yield g.made(arn, "eks:cluster", str(name), {}, unread={"audit_logs": missing["cluster"]})
        else:
            yield g.made(
                arn, "eks:cluster", str(name), {"audit_logs": _audited(more["cluster"])},
                tagged=more["cluster"].get("tags") or {},
            )  # fmt: skip


def _eks(g: Gatherer, name: str) -> Mapping[str, Json]:
    found: Mapping[str, Json] = g.place.call("eks", "describe_cluster", name=name)["cluster"]
    return found


def _audited(cluster: Mapping[str, Json]) -> bool:
    logging = (cluster.get("logging") or {}).get("clusterLogging") or ()
    return any(one.get("enabled") and "audit" in (one.get("types") or ()) for one in logging)


def containers(g: Gatherer) -> Iterator[Resource]:
    """ECS services that run something."""
    deployed: Mapping[tuple[str, str], bool] | str | None = None
    for cluster in g.place.shared("ecs", "list_clusters", "clusterArns"):
        services = g.place.shared("ecs", "list_services", "serviceArns", cluster=cluster)
        for start in range(0, len(services), BATCH):
            answer = g.place.call(
                "ecs", "describe_services", cluster=cluster, services=list(services[start : start + BATCH]),
                include=["TAGS"],
            )  # fmt: skip
            for one in answer.get("services") or ():
                if one.get("status") != "ACTIVE":
                    continue
                if deployed is None and (one.get("deploymentController") or {}).get("type") == "CODE_DEPLOY":
                    deployed = _deployed(g)
                yield _service(g, one, str(cluster).rpartition("/")[2], deployed)


def _service(
    g: Gatherer, one: Mapping[str, Any], cluster: str, deployed: Mapping[tuple[str, str], bool] | str | None
) -> Resource:
    arn, name = str(one["serviceArn"]), str(one["serviceName"])
    facts, unread = g.alarmed("AWS/ECS", (cluster, name))
    used = [
        str(each.get("capacityProvider")) for each in one.get("capacityProviderStrategy") or () if each.get("weight")
    ]
    known: dict[str, Json] = {**facts, "running": bool(one.get("desiredCount")), "spot": "FARGATE_SPOT" in used}
    if (one.get("deploymentController") or {}).get("type") == "CODE_DEPLOY":
        if isinstance(deployed, str):
            unread = {**unread, "rollback": deployed}
        else:
            known["rollback"] = (deployed or {}).get((cluster, name), False)
    elif (one.get("deploymentController") or {}).get("type", "ECS") == "ECS":
        known["rollback"] = _rolls_back(one.get("deploymentConfiguration") or {})
    return g.made(arn, "ecs:service", name, known, unread=unread, tagged=one.get("tags") or [])


def _rolls_back(deployment: Mapping[str, Any]) -> bool:
    """By its circuit breaker, or by alarms: either must be on, and told to roll back."""
    breaker, alarms = deployment.get("deploymentCircuitBreaker") or {}, deployment.get("alarms") or {}
    return any(bool(one.get("enable") and one.get("rollback")) for one in (breaker, alarms))


def _deployed(g: Gatherer) -> Mapping[tuple[str, str], bool] | str:
    """(cluster, service) -> whether CodeDeploy rolls back what fails; or why nobody knows."""
    found: dict[tuple[str, str], bool] = {}
    try:
        for application in g.place.shared("codedeploy", "list_applications", "applications"):
            names = g.place.shared(
                "codedeploy", "list_deployment_groups", "deploymentGroups", applicationName=application
            )
            for name in names:
                group = g.place.call(
                    "codedeploy", "get_deployment_group", applicationName=application, deploymentGroupName=name
                )["deploymentGroupInfo"]
                rollback = group.get("autoRollbackConfiguration") or {}
                rolls = bool(rollback.get("enabled")) and "DEPLOYMENT_FAILURE" in (rollback.get("events") or ())
                for one in group.get("ecsServices") or ():
                    found[str(one.get("clusterName")), str(one.get("serviceName"))] = rolls
    except AwsError as error:
        g.trouble.append(could_not_look(f"{g.place.key}/codedeploy", error, "whether CodeDeploy rolls back"))
        return str(error)
    return found


# -- what an account has once --------------------------------------------------------------------------------------


def buckets(g: Gatherer) -> Iterator[Resource]:
    """S3 buckets, each asked in its own region. Buckets that logs are written to need not log themselves."""
    listed = g.place.shared("s3", "list_buckets", "Buckets")
    answers = [(str(one["Name"]), *_bucket(g, str(one["Name"]), str(one.get("BucketRegion") or ""))) for one in listed]
    targets = {
        str(more["bucket_logs"]["TargetBucket"]) for _, more, _, _ in answers
        if more.get("bucket_logs") and more["bucket_logs"].get("TargetBucket")
    }  # fmt: skip
    for name, more, missing, tagged in answers:
        arn = str(Arn(g.place.partition, "s3", "", "", name))
        facts = {fact: bool(value) for fact, value in more.items() if name not in targets}
        yield g.made(arn, "s3:bucket", name, facts, unread=missing, tagged=tagged)


def _bucket(g: Gatherer, name: str, region: str) -> tuple[Mapping[str, Json], Mapping[str, str], Sequence[Any]]:
    arn = str(Arn(g.place.partition, "s3", "", "", name))
    more, missing = g.asked(
        arn, "bucket_logs", "whether the bucket logs its accesses", partial(_logging, g, name, region)
    )
    found, untold = g.asked(arn, "tags", "which tags the bucket has", partial(_bucket_tags, g, name, region))
    return more, {**missing, **untold}, found.get("tags") or []


def _logging(g: Gatherer, name: str, region: str) -> Mapping[str, Json]:
    answer = g.place.call("s3", "get_bucket_logging", region=region, Bucket=name)
    return answer.get("LoggingEnabled") or {}


def _bucket_tags(g: Gatherer, name: str, region: str) -> Sequence[Mapping[str, Json]]:
    answer = setting(g.place, "s3", "get_bucket_tagging", region=region, Bucket=name)
    return (answer or {}).get("TagSet") or []


def distributions(g: Gatherer) -> Iterator[Resource]:
    """CloudFront distributions that are switched on."""
    listed = [
        one
        for one in g.place.shared("cloudfront", "list_distributions", "DistributionList.Items")
        if one.get("Enabled")
    ]
    delivered: set[str] | str = set()
    if listed:
        try:
            sources = g.place.shared("logs", "describe_delivery_sources", "deliverySources", region=DELIVERY_REGION)
            delivered = {str(arn) for one in sources for arn in one.get("resourceArns") or ()}
        except AwsError as error:
            delivered = str(error)
            g.trouble.append(could_not_look(f"{g.place.key}/deliveries", error, "which distributions deliver logs"))
    for one in listed:
        arn, name = str(one["ARN"]), str(one["Id"])
        more, missing = g.asked(arn, "cdn_logs", "whether the distribution logs", partial(_old_logging, g, name))
        if more.get("cdn_logs") is False:
            if isinstance(delivered, str):
                more, missing = {}, {"cdn_logs": delivered}
            else:
                more = {"cdn_logs": arn in delivered}
        found, untold = g.asked(arn, "tags", "which tags the distribution has", partial(_distribution_tags, g, arn))
        yield g.made(
            arn, "cloudfront:distribution", name, more, unread={**missing, **untold}, tagged=found.get("tags") or []
        )


def _old_logging(g: Gatherer, name: str) -> bool:
    answer = g.place.call("cloudfront", "get_distribution_config", Id=name)
    return bool((answer["DistributionConfig"].get("Logging") or {}).get("Enabled"))


def _distribution_tags(g: Gatherer, arn: str) -> Sequence[Mapping[str, Json]]:
    answer = g.place.call("cloudfront", "list_tags_for_resource", Resource=arn)
    return (answer.get("Tags") or {}).get("Items") or []


REGIONAL: Mapping[str, Any] = {
    "load-balancers": balancers, "functions": functions, "queues": queues, "topics": topics, "log-groups": log_groups,
    "kubernetes-clusters": kubernetes, "container-services": containers,
}  # fmt: skip
ACCOUNT: Mapping[str, Any] = {"buckets": buckets, "distributions": distributions}
