"""Transit gateways of a region: attachments, black holes of their route tables, and whom each table joins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from checks.aws import AwsPlace, arn_at, guarded, looked, owner_of
from checks.base import Outcome, Reading
from checks.nets import links
from checks.nets.region import told_by
from checks.nets.routes import destination, tgw_holes
from checks.nets.told import BREAKS, WEAKNESS, command, fact, healthy, unhealthy, unknown

Found = Mapping[str, Any]
PAGE = 1000  # routes in one answer, which is also the most (EC2 API reference, SearchTransitGatewayRoutes)


@dataclass(frozen=True, slots=True)
class TransitLook:
    """One look at the transit gateways of a region, as far as the account sees them."""

    place: AwsPlace

    def readings(self) -> Iterator[Reading]:
        """Attachments and route tables. Route tables are seen by the account that has the gateway, by no other."""
        yield from guarded(f"{self.place.key}/transit", "how its transit gateways stand", self._all)

    def _all(self) -> Iterator[Reading]:
        attachments = self.place.shared("ec2", "describe_transit_gateway_attachments", "TransitGatewayAttachments")
        for attachment in attachments:
            yield from self._attachment(attachment)
        tables = self.place.shared("ec2", "describe_transit_gateway_route_tables", "TransitGatewayRouteTables")
        yield looked(self.place, "transit", len(attachments) + len(tables))
        for table in tables:
            if str(table.get("State")) in links.GONE:
                continue
            name = str(table["TransitGatewayRouteTableId"])
            arn = arn_at(self.place, "ec2", f"transit-gateway-route-table/{name}")
            yield from guarded(arn, "where its routes lead", self._table, name, arn, attachments, listed=True)

    def _attachment(self, attachment: Found) -> Iterator[Reading]:
        name = str(attachment["TransitGatewayAttachmentId"])
        kind = str(attachment.get("ResourceType", ""))
        state = links.link(f"transit gateway attachment of a {kind}", str(attachment.get("State", "")))
        if state is None:
            return
        account = str(attachment.get("TransitGatewayOwnerId") or self.place.account)
        arn = arn_at(self.place, "ec2", f"transit-gateway-attachment/{name}")
        summary = f"{name}: {state.summary}"
        if state.outcome is not Outcome.UNHEALTHY:
            yield Reading(arn, state.outcome, state.verdict, summary)
            return
        reading = unhealthy(
            arn, state.verdict, summary, BREAKS if state.down else WEAKNESS, key="attachment",
            owner=owner_of(self.place, arn, name),
        )  # fmt: skip
        yield told_by(reading, self.place, account, self.place.region)

    def _table(self, name: str, arn: str, attachments: Sequence[Found]) -> Iterator[Reading]:
        routes, complete = self._routes(name)
        propagations = self.place.pages(
            "ec2", "get_transit_gateway_route_table_propagations", "TransitGatewayRouteTablePropagations",
            TransitGatewayRouteTableId=name,
        )  # fmt: skip
        members = {
            str(one.get("ResourceId")) for one in attachments
            if one.get("ResourceType") == "vpc" and str(one.get("State", "")) == "available"
            and (one.get("Association") or {}).get("TransitGatewayRouteTableId") == name
        }  # fmt: skip
        members |= {str(one.get("ResourceId")) for one in propagations
                    if one.get("ResourceType") == "vpc" and one.get("State") == "enabled"}  # fmt: skip
        beyond: list[list[str]] = []
        for route in routes:
            for one in route.get("TransitGatewayAttachments") or ():
                if route.get("State") != "active":
                    continue
                if one.get("ResourceType") == "vpc":
                    members.add(str(one.get("ResourceId")))
                else:
                    through = str(one.get("ResourceId") or one.get("TransitGatewayAttachmentId"))
                    beyond.append([destination(route), through])
        evidence = fact("table", id=name, members=sorted(members), routes=sorted(beyond))
        found = tgw_holes(routes)
        values = {"routes_black_hole": float(len(found))}
        if not complete:
            yield unknown(
                arn, "too_many_routes", f"{name} has more routes than AWS gives, and not all were seen",
                evidence=evidence,
            )  # fmt: skip
        elif not found:
            yield healthy(arn, "fine", f"every route of {name} leads somewhere", values=values, evidence=evidence)
        else:
            told = ", ".join(f"{hole.destination} through {hole.target}" for hole in found[:4])
            more = f" and {len(found) - 4} more" if len(found) > 4 else ""
            yield unhealthy(
                arn, "black_hole", f"transit gateway route table {name} drops what is sent to {told}{more}", BREAKS,
                key="black_hole", owner=owner_of(self.place, arn, name), values=values, evidence=evidence,
                remedy=command(self.place.region, "see its black holes", "ec2", "search-transit-gateway-routes",
                               "--transit-gateway-route-table-id", name, "--filters", "Name=state,Values=blackhole"),
                shown={"routes": [f"{hole.destination} -> {hole.target}" for hole in found]},
            )  # fmt: skip

    def _routes(self, name: str) -> tuple[list[Found], bool]:
        """The routes of a table, and whether these are all."""
        found: list[Found] = []
        token: dict[str, str] = {}
        while True:
            answer = self.place.call(
                "ec2", "search_transit_gateway_routes", TransitGatewayRouteTableId=name, MaxResults=PAGE,
                Filters=[{"Name": "state", "Values": ["active", "blackhole"]}], **token,
            )  # fmt: skip
            found += answer.get("Routes") or ()
            following = str(answer.get("NextToken") or "")
            if not following or following == token.get("NextToken"):
                # "Routes" is left out of an answer only where something is amiss: an empty table gives an empty list.
                return found, "Routes" in answer and not answer.get("AdditionalRoutesAvailable") and not following
            token = {"NextToken": following}
