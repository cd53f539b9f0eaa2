"""What an account has in every region at once: hosted zones, health checks, domains, and what records point at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from checks.aws import AwsPlace, arn_at, guarded, looked, owner_of
from checks.base import Fact, Outcome, Reading
from checks.nets.names import Registration, health, plain, pointers, registered
from checks.nets.told import BREAKS, ENDS, WEAKNESS, fact, healthy, unhealthy, unknown

DOMAINS_REGION = "us-east-1"  # the one endpoint of Route 53 Domains


@dataclass(frozen=True, slots=True)
class AccountLook:
    """One look at the global services of an account that names have to do with."""

    place: AwsPlace
    domain_within: timedelta

    def readings(self) -> Iterator[Reading]:
        """Everything that is judged by itself; zones and what records can point at are kept for the estate."""
        key = self.place.key
        yield from guarded(f"{key}/zones", "which hosted zones there are", self._zones)
        yield from guarded(f"{key}/health-checks", "how its health checks stand", self._health_checks)
        if self.place.partition == "aws":  # elsewhere there is no such service
            yield from guarded(f"{key}/domains", "when its domains end", self._domains)
        yield from guarded(f"{key}/distributions", "which CloudFront distributions it has", self._distributions)
        yield from guarded(f"{key}/buckets", "which buckets it has", self._buckets)

    def _zones(self) -> Iterator[Reading]:
        zones = self.place.shared("route53", "list_hosted_zones", "HostedZones")
        public = [zone for zone in zones if not (zone.get("Config") or {}).get("PrivateZone")]
        for zone in public:
            name = str(zone["Id"]).rpartition("/")[2]
            arn = arn_at(self.place, "route53", f"hostedzone/{name}", region="", account="")
            yield from guarded(
                arn, "where its records point", self._zone, name, arn, plain(str(zone["Name"])), listed=True
            )
        yield healthy(f"{self.place.key}/zones", "seen", f"{len(public)} public hosted zones")

    def _zone(self, name: str, arn: str, domain: str) -> Iterator[Reading]:
        records = list(
            self.place.pages("route53", "list_resource_record_sets", "ResourceRecordSets", HostedZoneId=name)
        )
        # The zone's own answer to who serves it: it is in every zone, as AWS lets nobody remove it.
        servers = sorted(
            plain(str(one.get("Value")))
            for record in records if record.get("Type") == "NS" and plain(str(record.get("Name"))) == domain
            for one in record.get("ResourceRecords") or ()
        )  # fmt: skip
        if not servers:
            yield unknown(arn, "unclear", f"AWS gave no name servers of the zone {domain}")
            return
        owner = owner_of(self.place, arn, name)
        yield healthy(
            arn, "seen", f"zone {domain} has {len(records)} record sets",
            evidence=fact(
                "zone", id=name, arn=arn, name=domain, servers=servers,
                pointers=sorted([one.name, str(one.kind), one.target] for one in set(pointers(records))),
                stack=owner.stack if owner else "", component=owner.component if owner else "",
                stage=owner.stage if owner else "",
            ),
        )  # fmt: skip

    def _health_checks(self) -> Iterator[Reading]:
        checks = self.place.shared("route53", "list_health_checks", "HealthChecks")
        yield looked(self.place, "health-checks", len(checks))
        for check in checks:
            name = str(check["Id"])
            arn = arn_at(self.place, "route53", f"healthcheck/{name}", region="", account="")
            config = check.get("HealthCheckConfig") or {}
            if config.get("Disabled"):
                yield Reading(arn, Outcome.NOT_APPLICABLE, "switched_off", f"health check {name} is switched off")
            elif str(config.get("Type")) in ("CALCULATED", "CLOUDWATCH_METRIC", "RECOVERY_CONTROL"):
                # These have no checkers: what they follow is watched itself.
                yield Reading(arn, Outcome.NOT_APPLICABLE, "follows_others", f"health check {name} follows others")
            else:
                target = str(config.get("FullyQualifiedDomainName") or config.get("IPAddress") or name)
                yield from guarded(arn, "what its checkers see", self._health, name, arn, target, listed=True)

    def _health(self, name: str, arn: str, target: str) -> Iterator[Reading]:
        answer = self.place.call("route53", "get_health_check_status", HealthCheckId=name)
        verdict, seen = health(answer.get("HealthCheckObservations") or ())
        summary = f"health check of {target}: {seen}"
        if verdict == "health_unknown":
            yield unknown(arn, verdict, summary)
        elif verdict == "health_ok":
            yield healthy(arn, verdict, summary)
        else:
            # The number of checkers moves with each look: the finding says only that they do not reach it.
            reading = unhealthy(
                arn, verdict, f"Route 53's checkers do not reach {target} (health check {name})", BREAKS, key="health",
                owner=owner_of(self.place, arn, name),
            )  # fmt: skip
            yield Reading(arn, Outcome.UNHEALTHY, verdict, summary, reading.findings)

    def _domains(self) -> Iterator[Reading]:
        domains = self.place.shared("route53domains", "list_domains", "Domains", region=DOMAINS_REGION)
        yield looked(self.place, "domains", len(domains))
        for one in domains:
            expires = one.get("Expiry")
            domain = Registration(
                plain(str(one["DomainName"])),
                expires.astimezone(UTC) if isinstance(expires, datetime) else None,
                bool(one.get("AutoRenew")),
            )
            resource = f"{self.place.account}/domain/{domain.name}"
            verdict, summary = registered(domain, self.place.now(), self.domain_within)
            if domain.expires is None:
                yield unknown(resource, verdict, summary)
                continue
            values = {"domain_expiry_timestamp_seconds": domain.expires.timestamp()}
            if verdict == "registered":
                yield healthy(resource, verdict, summary, values=values)
                continue
            facts = frozenset({Fact.EXPIRED} if verdict == "domain_expired" else ())
            kind = WEAKNESS if verdict == "domain_not_renewed" else ENDS
            yield unhealthy(resource, verdict, summary, kind, key="domain", facts=facts, values=values)

    def _distributions(self) -> Iterator[Reading]:
        found = {
            str(one["DomainName"]).lower(): sorted(map(plain, (one.get("Aliases") or {}).get("Items") or ()))
            for one in self.place.shared("cloudfront", "list_distributions", "DistributionList.Items")
            if one.get("DomainName")
        }
        yield healthy(
            f"{self.place.key}/distributions", "seen", f"{len(found)} CloudFront distributions",
            evidence=fact("ours", distributions=found),
        )  # fmt: skip

    def _buckets(self) -> Iterator[Reading]:
        names = sorted(str(one["Name"]) for one in self.place.shared("s3", "list_buckets", "Buckets"))
        yield healthy(
            f"{self.place.key}/buckets", "seen", f"{len(names)} buckets", evidence=fact("ours", buckets=names)
        )  # fmt: skip
