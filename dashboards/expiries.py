"""What ends by itself, and what can be restored."""

from __future__ import annotations

from dashboards import names
from dashboards.board import EXPIRIES, Addresses, Board
from dashboards.palette import BLIND, CRITICAL, PLAIN, WARNING, Steps, words, wrong_from
from dashboards.panels import Label, Line, Panel, Value, blind, graph, number, rows
from dashboards.query import age, at_places, constant, either, least, named, or_none, total, until

DAY = 86400.0
SOON: Steps = ((None, CRITICAL), (7 * DAY, WARNING), (30 * DAY, PLAIN))
_ENDS = {
    "certificate": names.CERTIFICATE_ENDS,
    "certificate chain": names.CERTIFICATE_CHAIN_ENDS,
    "domain": names.DOMAIN_ENDS,
    "EKS standard support": names.SUPPORT_ENDS,
    "savings plan or reservation": names.COMMITMENT_ENDS,
}


def expiries(addresses: Addresses) -> Board:
    """Soonest first."""
    board = Board(EXPIRIES, "What ends soon, and whether what is lost can be restored.", addresses, since="now-7d")
    board.row(1, "Expiries")
    board.line(
        4,
        (2, 4, number(
            "Next certificate ends in", "The soonest end of a certificate in use. Negative: it has expired. One that "
            "AWS "
            "renews is not a danger until its renewal fails.",
            until(least(at_places(names.CERTIFICATE_ENDS))), unit="s", decimals=0, steps=SOON, filled=True,
        )),
        (3, 4, number(
            "Expired", "Certificates in use that are past their end, those of a chain included. Clients refuse them "
            "now.",
            total(at_places(names.CERTIFICATES_EXPIRED)), steps=wrong_from(1),
        )),
        (4, 4, number(
            "Near their end", "Certificates in use that end soon with nobody to renew them, or whose renewal is late.",
            total(at_places(names.CERTIFICATES_NEAR_END)), steps=wrong_from(1, WARNING),
        )),
        (5, 4, number(
            "Renewals in trouble", "Renewals that failed, wait for somebody (a DNS record, an e-mail) or are late.",
            total(at_places(names.CERTIFICATES_RENEWALS)), steps=wrong_from(1, WARNING),
        )),
        (6, 4, number(
            "Wrong or weak", "Wrong host names, incomplete or untrusted chains, keys and protocols that are too weak.",
            total(at_places(names.CERTIFICATES_MISPLACED)) + " + " + total(at_places(names.CERTIFICATES_WEAK)),
            steps=wrong_from(1, WARNING),
        )),
        (17, 4, blind("Blind to certificates", "certificates")),
    )  # fmt: skip
    board.line(10, (7, 12, _next()), (8, 12, _certificates()))
    board.row(9, "Backups")
    board.line(
        4,
        (10, 4, number(
            "Data stores without protection", "Data stores with no recovery point as new as their objective (RPO) "
            "asks. "
            "What is lost now cannot be restored to it.",
            total(at_places(names.BACKUP_UNPROTECTED)), steps=wrong_from(1), filled=True,
        )),
        (11, 4, number(
            "Failed jobs", "Rules of AWS Backup whose last job for a resource did not end well.",
            total(at_places(names.BACKUP_JOBS_FAILED)), steps=wrong_from(1, WARNING),
        )),
        (12, 4, number(
            "Copies missing", "Copies in another region or account that are not as new as was asked.",
            or_none(total(at_places(names.BACKUP_COPIES_MISSING)), at_places(names.BACKUP_STORES)),
            steps=wrong_from(1, WARNING),
        )),
        (13, 4, number(
            "Last restore test ago", "The restore test that is longest ago. A backup that was never restored is a "
            "hope.",
            either(age(least(at_places(names.BACKUP_RESTORE_TESTED))),
                   constant(-1, total(at_places(names.BACKUP_STORES)))),
            unit="s", decimals=0, steps=wrong_from(90 * DAY, WARNING), mappings=[words({-1: ("never", WARNING)})],
        )),
        (14, 4, number(
            "Can be deleted", "Production data stores without deletion protection.",
            total(at_places(names.BACKUP_DELETABLE)), steps=wrong_from(1, WARNING),
        )),
        (18, 4, blind("Blind to backups", "backups")),
    )  # fmt: skip
    board.line(10, (15, 15, _recovery()), (16, 9, _unprotected()))
    return board


def _next() -> Panel:
    labels = ("what", "place")
    every = either(*(named(least(at_places(metric), "place"), "what", what) for what, metric in _ENDS.items()))
    return rows(
        "Ends next, soonest first",
        "What ends by itself: certificates, domains, the support of EKS versions, savings plans and reservations. Red: "
        "within a week or over, orange: within 30 days.",
        [Label("what", "What", 190), Label("place", "Place")],
        [Value(until(least(every, *labels)), "Ends in", "s", decimals=0, width=120, steps=SOON)],
        first="Ends in", descending=False, nothing="nothing that ends is known",
    )  # fmt: skip


def _certificates() -> Panel:
    def counted(metric: str) -> str:
        return total(at_places(metric), "place")

    return rows(
        "Certificates by place, soonest first",
        "Endpoints, and accounts and regions with ACM and IAM. `In trouble`: a renewal that failed or waits.",
        [Label("place", "Place", links=(("Status page", "${status_page}"),))],
        [
            Value(until(least(at_places(names.CERTIFICATE_ENDS), "place")), "Ends in", "s", decimals=0, width=110,
                  steps=SOON),
            Value(counted(names.CERTIFICATES_SEEN), "Seen", width=70),
            Value(counted(names.CERTIFICATES_EXPIRED), "Expired", width=85, steps=wrong_from(1)),
            Value(counted(names.CERTIFICATES_RENEWALS), "In trouble", width=95, steps=wrong_from(1, WARNING)),
            Value(counted(names.CERTIFICATES_MISPLACED), "Wrong", width=75, steps=wrong_from(1, WARNING)),
            Value(counted(names.CERTIFICATES_WEAK), "Weak", width=70, steps=wrong_from(1, WARNING)),
        ],
        first="Ends in", descending=False, nothing="no certificate was looked at",
    )  # fmt: skip


def _recovery() -> Panel:
    labels = ("place", "kind")

    def counted(metric: str) -> str:
        return total(at_places(metric), *labels)

    return rows(
        "What can be restored, most urgent first",
        "By account, region and kind of data store. `Objective missed in`: when the newest recovery point becomes "
        "older "
        "than the objective allows; negative: it already is.",
        [Label("place", "Place", links=(("Status page", "${status_page}"),)), Label("kind", "Kind", 110)],
        [
            Value(until(least(at_places(names.BACKUP_DUE), *labels)), "Objective missed in", "s", decimals=0, width=150,
                  steps=((None, CRITICAL), (0, WARNING), (3600, PLAIN))),
            Value(age(least(at_places(names.BACKUP_LAST), *labels)), "Oldest newest point", "s", decimals=0, width=150),
            Value(age(least(at_places(names.BACKUP_COPY_LAST), *labels)), "Copy elsewhere", "s", decimals=0, width=130),
            Value(counted(names.BACKUP_UNPROTECTED), "Without protection", width=165, steps=wrong_from(1)),
        ],
        first="Without protection", nothing="no data store was found",
    )  # fmt: skip


def _unprotected() -> Panel:
    return graph(
        "Data stores without protection, and jobs that failed",
        "Both should be flat at zero. A step up right after a run is a data store that was made without a backup plan.",
        [
            Line(total(at_places(names.BACKUP_UNPROTECTED)), "without protection"),
            Line(total(at_places(names.BACKUP_JOBS_FAILED)), "failed jobs"),
            Line(or_none(total(at_places(names.BACKUP_POINTS_EXPIRED)), at_places(names.BACKUP_STORES)), "points past "
            "retention"),
        ],
        colours={"without protection": CRITICAL, "failed jobs": WARNING, "points past retention": BLIND}, decimals=0,
    )  # fmt: skip
