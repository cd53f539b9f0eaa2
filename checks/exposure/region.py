"""One region of an account: security groups, volumes, snapshots, images, load balancers, API domain names."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from checks.aws import AwsPlace, arn_at, guarded, looked, unsaid
from checks.base import Outcome, Reading
from checks.exposure import groups, listeners, stores
from checks.exposure.model import Weakness
from checks.exposure.settings import Settings
from checks.exposure.told import Teller, unreadable

Found = Mapping[str, Any]  # one thing, as AWS lists it
PUBLIC_SNAPSHOTS, PUBLIC_IMAGES = "public_snapshots", "public_images"  # what is kept from look to look


@dataclass(frozen=True)
class RegionLook:
    """One look at a region. Each part that AWS refuses is an UNKNOWN reading, and spoils no other."""

    place: AwsPlace
    teller: Teller
    settings: Settings

    def readings(self) -> Iterator[Reading]:
        """Everything of the region but its databases and what other services say."""
        parts: tuple[tuple[str, str, Callable[[], Iterable[Reading]], bool], ...] = (
            ("security-groups", "what its security groups let in", self._groups, False),
            ("volumes", "which volumes are encrypted", self._volumes, False),
            ("ebs-encryption", "whether new volumes are encrypted", self._default, False),
            ("public-snapshots", "which snapshots are public", self._snapshots, False),
            ("public-images", "which machine images are public", self._images, False),
            ("load-balancers", "how its load balancers talk to clients", self._balancers, False),
            ("classic-load-balancers", "how its classic load balancers talk to clients", self._classic, False),
            ("api-domain-names", "which TLS its API domain names speak", self._domain_names, True),
        )
        for name, what, look, optional in parts:
            yield from guarded(f"{self.place.key}/{name}", what, look, optional=optional)

    # -- security groups ----------------------------------------------------------------------------------------------

    def _groups(self) -> Iterator[Reading]:
        found = self.place.shared("ec2", "describe_security_groups", "SecurityGroups")
        users: dict[str, list[bool]] = {}  # group -> of each interface that has it, whether it is a load balancer's
        for interface in self.place.shared("ec2", "describe_network_interfaces", "NetworkInterfaces"):
            if interface.get("Groups") is None:
                raise unsaid(self.place, "ec2", "DescribeNetworkInterfaces", "an interface without its groups")
            for group in interface["Groups"]:
                users.setdefault(str(group["GroupId"]), []).append(groups.of_load_balancer(interface))
        yield looked(self.place, "security-groups", len(found))
        for group in found:
            name, owner = str(group["GroupId"]), str(group.get("OwnerId") or self.place.account)
            arn = str(group.get("SecurityGroupArn") or "") or arn_at(
                self.place, "ec2", f"security-group/{name}", account=owner
            )
            what = f"what security group {name} lets in"
            yield from guarded(arn, what, self._group, arn, group, users.get(name, []))

    def _group(self, arn: str, group: Found, users: list[bool]) -> Iterator[Reading]:
        name = str(group["GroupId"])
        if group.get("IpPermissions") is None:
            yield unreadable(arn, f"what security group {name} lets in, for AWS does not say it")
            return
        listed = {each: self._blocks(each) for each in sorted(groups.prefix_lists(group))}
        opened = list(groups.openings(group, listed))
        if not opened:
            yield self.teller.judged(arn, (), f"security group {name} lets nobody in from the world", name)
            return
        if not users and not self._shared(arn):
            summary = f"security group {name} is open to the world, and nothing uses it"
            yield self.teller.judged(arn, (), summary, name, verdict="unattached")
            return
        allowed = set(self.settings.public_ports)
        if users and all(users):
            allowed.update(self.settings.load_balancer_ports)
        wrong = groups.judge(
            group, opened, sensitive=self.settings.sensitive_ports, allowed=allowed, region=self.place.region
        )
        ports = ", ".join(sorted({one.ports for one in opened}))
        yield self.teller.judged(arn, wrong, f"security group {name} opens {ports} to the world, as it may", name)

    def _blocks(self, name: str) -> list[str]:
        entries = self.place.shared("ec2", "get_managed_prefix_list_entries", "Entries", PrefixListId=name)
        return [str(each["Cidr"]) for each in entries]

    def _shared(self, arn: str) -> bool:
        """Whether other accounts may use the group, whose interfaces nobody can see from here."""
        resources = self.place.shared(
            "ram", "list_resources", "resources", resourceOwner="SELF", resourceType="ec2:SecurityGroup"
        )
        return any(each.get("arn") == arn for each in resources)

    # -- volumes, snapshots, images -----------------------------------------------------------------------------------

    def _volumes(self) -> Iterator[Reading]:
        volumes = self.place.shared("ec2", "describe_volumes", "Volumes")
        yield looked(self.place, "volumes", len(volumes))
        for each in volumes:
            name = str(each["VolumeId"])
            look = f"aws ec2 describe-volumes --volume-ids {shlex.quote(name)} --region {self.place.region}"
            wrong = stores.unencrypted(f"volume {name}", each.get("Encrypted"), look, "encrypted = true")
            arn = arn_at(self.place, "ec2", f"volume/{name}")
            yield self.teller.judged(arn, wrong, f"volume {name} is encrypted", name)

    def _default(self) -> Iterator[Reading]:
        resource = f"{self.place.key}/ebs-encryption"
        state = self.place.call("ec2", "get_ebs_encryption_by_default").get("EbsEncryptionByDefault")
        if not isinstance(state, bool):
            yield unreadable(resource, "AWS does not say whether new volumes are encrypted")
            return
        wrong = Weakness(
            "encryption_not_default", f"new volumes in {self.place.region} are not encrypted by themselves",
            look=f"aws ec2 get-ebs-encryption-by-default --region {self.place.region}",
            change="set aws_ebs_encryption_by_default",
        )  # fmt: skip
        yield self.teller.judged(resource, () if state else (wrong,), "new volumes are encrypted by themselves")

    def _snapshots(self) -> Iterator[Reading]:
        found = list(
            self.place.pages(
                "ec2", "describe_snapshots", "Snapshots", OwnerIds=["self"], RestorableByUserIds=["all"]
            )
        )  # fmt: skip
        # The account's own switch can take back what the snapshots still say of themselves.
        blocked = bool(found) and (
            self.place.call("ec2", "get_snapshot_block_public_access_state").get("State") == "block-all-sharing"
        )
        yield looked(self.place, "public-snapshots", 0 if blocked else len(found))
        arns = []
        for each in [] if blocked else found:
            name = str(each["SnapshotId"])
            arn = arn_at(self.place, "ec2", f"snapshot/{name}", account="")
            look = (
                f"aws ec2 describe-snapshot-attribute --snapshot-id {shlex.quote(name)} "
                f"--attribute createVolumePermission --region {self.place.region}"
            )
            wrong = stores.snapshot(
                f"snapshot {name}", look, "make it private: remove the permission of the group `all`"
            )
            arns.append(arn)
            yield self.teller.judged(arn, [wrong], "", name, str(each.get("VolumeId") or ""))
        yield from self.teller.over(PUBLIC_SNAPSHOTS, arns)

    def _images(self) -> Iterator[Reading]:
        found = list(
            self.place.pages(
                "ec2", "describe_images", "Images", Owners=["self"],
                Filters=[{"Name": "is-public", "Values": ["true"]}],
            )
        )  # fmt: skip
        public = [each for each in found if each.get("Public", True)]
        yield looked(self.place, "public-images", len(public))
        arns = []
        for each in public:
            name = str(each["ImageId"])
            arn = arn_at(self.place, "ec2", f"image/{name}", account="")
            arns.append(arn)
            wrong = stores.image(name, str(each.get("Name") or ""), self.place.region)
            yield self.teller.judged(arn, [wrong], "", name)
        yield from self.teller.over(PUBLIC_IMAGES, arns)

    # -- what clients talk to -----------------------------------------------------------------------------------------

    def _balancers(self) -> Iterator[Reading]:
        found = self.place.shared("elbv2", "describe_load_balancers", "LoadBalancers")
        yield looked(self.place, "load-balancers", len(found))
        for each in found:
            arn = str(each["LoadBalancerArn"])
            what = f"how load balancer {each.get('LoadBalancerName')} talks to clients"
            yield from guarded(arn, what, self._balancer, arn, each, listed=True)

    def _balancer(self, arn: str, balancer: Found) -> Iterator[Reading]:
        name = str(balancer.get("LoadBalancerName") or arn)
        if self._inside(balancer.get("Scheme")):
            yield self._internal(arn, name)
            return
        found = self.place.shared("elbv2", "describe_listeners", "Listeners", LoadBalancerArn=arn)
        wrong = [
            listeners.plain(name, each.get("Port"), str(each["ListenerArn"]), self.place.region)
            for each in found
            if listeners.is_plain(each) and not self._sends_to_https(each)
        ]
        if found and all(listeners.is_plain(each) is None for each in found):
            summary = f"load balancer {name} passes on what comes"
            yield self.teller.judged(arn, (), summary, name, verdict="passed_on", outcome=Outcome.NOT_APPLICABLE)
        else:
            yield self.teller.judged(arn, wrong, f"load balancer {name} talks to clients over TLS only", name)

    def _sends_to_https(self, listener: Found) -> bool:
        """Whether every rule of a listener redirects: the default can, while another forwards."""
        if listener.get("Protocol") != "HTTP":
            return False
        rules = list(self.place.pages("elbv2", "describe_rules", "Rules", ListenerArn=listener["ListenerArn"]))
        return bool(rules) and all(listeners.redirects(rule.get("Actions") or ()) for rule in rules)

    def _classic(self) -> Iterator[Reading]:
        found = self.place.shared("elb", "describe_load_balancers", "LoadBalancerDescriptions")
        yield looked(self.place, "classic-load-balancers", len(found))
        for each in found:
            name = str(each["LoadBalancerName"])
            arn = arn_at(self.place, "elasticloadbalancing", f"loadbalancer/{name}")
            if self._inside(each.get("Scheme")):
                yield self._internal(arn, name)
                continue
            ports = [one.get("Listener") or {} for one in each.get("ListenerDescriptions") or ()]
            if not ports or not all(ports):  # no load balancer is without
                yield unreadable(arn, f"how load balancer {name} talks to clients, for AWS does not say it")
                continue
            flat = [{"Protocol": one.get("Protocol"), "Port": one.get("LoadBalancerPort")} for one in ports]
            wrong = [
                listeners.plain(name, one["Port"], arn, self.place.region, classic=True)
                for one in flat if listeners.is_plain({**one, "Protocol": str(one["Protocol"]).upper()})
            ]  # fmt: skip
            yield self.teller.judged(arn, wrong, f"load balancer {name} has no plain listener", name)

    def _inside(self, scheme: object) -> bool:
        return scheme == "internal" and not self.settings.internal_listeners

    def _internal(self, arn: str, name: str) -> Reading:
        summary = f"load balancer {name} talks inside its network only"
        return self.teller.judged(arn, (), summary, name, verdict="internal", outcome=Outcome.NOT_APPLICABLE)

    def _domain_names(self) -> Iterator[Reading]:
        found = list(self.place.pages("apigateway", "get_domain_names", "items"))
        yield looked(self.place, "api-domain-names", len(found))
        for each in found:
            name = str(each["domainName"])
            arn = str(each.get("domainNameArn") or "") or arn_at(
                self.place, "apigateway", f"/domainnames/{name}", account=""
            )
            wrong = listeners.domain_name(each, self.place.region)
            yield self.teller.judged(arn, wrong, f"API domain name {name} speaks TLS 1.2 and newer", name)
