"""The partial decoder against json.loads, on states of all makes."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.states.identifiers import NAMED_BY, NEVER, SELF, parse_arn
from checks.states.model import Damage
from daemon.states.decode import UndecodableError, decode

CANARY = "canary-hunter2"
# States are large to draw, and the machine may be busy: neither says anything about the decoder.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AWS = 'provider["registry.terraform.io/hashicorp/aws"]'

_arn = st.sampled_from(
    ["arn:aws:rds:eu-west-1:111111111111:db:x", "arn:aws:s3:::bucket", "arn:nonsense", "", None, 5, ["arn:aws:s3:::x"]]
)
_id = st.sampled_from(["sg-0123456789abcdef0", "x", "", None, 7, 1.5, True, {"a": 1}, "vpc-01234567", CANARY])
_anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_attributes = st.none() | st.fixed_dictionaries(
    {"arn": _arn, "id": _id},
    optional={"name": _id, "bucket": _id, "region": _id, "password": st.just(CANARY), "tags": _anything},
)
_instance = st.fixed_dictionaries(
    {"attributes": _attributes},
    optional={
        "index_key": st.none() | st.integers(0, 9) | st.text(max_size=5),
        "status": st.sampled_from(["tainted", None, ""]),
        "deposed": st.sampled_from(["12345678", None, ""]),
        "schema_version": st.integers(0, 9),
        "sensitive_attributes": st.sampled_from(
            [[], [[{"type": "get_attr", "value": "arn"}]], [{"type": "get_attr", "value": "id"}], None, {"odd": 1}]
        ),
        "private": st.text(max_size=5),
    },
)
_resource = st.fixed_dictionaries(
    {
        "mode": st.sampled_from(["managed", "data"]),
        "type": st.sampled_from([*sorted(NAMED_BY)[:12], *sorted(NEVER), "aws_other_thing", "random_password"]),
        "name": st.text("abc_-", min_size=1, max_size=4),
        "provider": st.sampled_from(
            [AWS, f"module.x.{AWS}.west", 'provider["registry.terraform.io/hashicorp/random"]']
        ),
        "instances": st.lists(_instance, max_size=3),
    },
    optional={"module": st.sampled_from([None, "module.a", 'module.b["k"]']), "each": st.just("list")},
)
_state = st.fixed_dictionaries(
    {
        "version": st.just(4), "serial": st.integers(0, 2**40), "lineage": st.text("0123456789abcdef-", max_size=36),
        "terraform_version": st.just("1.11.4"), "resources": st.lists(_resource, max_size=4),
    },
    optional={"outputs": _anything, "check_results": _anything, "later": _anything},
)  # fmt: skip


def _expected(plain: dict[str, Any]) -> tuple[int, int, int]:
    """Resources, tainted, deposed."""
    instances = [one for r in plain["resources"] if r["mode"] == "managed" for one in r["instances"]]
    tainted = sum(one.get("status") == "tainted" for one in instances)
    deposed = sum(bool(one.get("deposed")) for one in instances)
    return len(instances) - deposed, tainted, deposed


@patient
@given(_state)
def test_it_reads_what_json_reads(plain: dict[str, Any]) -> None:
    """Counts and header agree with a whole parse, and what is kept of resources is what names them."""
    body = json.dumps(plain).encode()
    facts, held = decode(body)
    assert facts.damage is Damage.NONE
    assert facts.md5 == hashlib.md5(body).hexdigest()
    assert (facts.serial, facts.lineage, facts.size) == (plain["serial"], plain["lineage"], len(body))
    assert (facts.resources, facts.tainted, facts.deposed) == _expected(plain)
    allowed = {
        str(value) for resource in plain["resources"] for one in resource["instances"]
        for value in (one["attributes"] or {}).values() if isinstance(value, str)
    }  # fmt: skip
    for one in held:
        assert one.type not in NEVER
        assert one.type.startswith("aws_")
        assert one.provider.endswith("/aws")
        assert not one.arn or (parse_arn(one.arn) and one.arn in allowed)
        assert one.arn or one.ids
        for family, name in one.ids:
            assert family != SELF or name in allowed
            assert name != CANARY or one.type in NAMED_BY


@patient
@given(_state, st.data())
def test_a_cut_state_is_never_whole(plain: dict[str, Any], data: st.DataObject) -> None:
    """Wherever it is cut: unparsable, or empty where nothing is left; as json sees it, too."""
    body = json.dumps(plain).encode()
    cut = body[: data.draw(st.integers(0, len(body) - 1))]
    facts, held = decode(cut)
    assert facts.damage is (Damage.UNPARSABLE if cut else Damage.EMPTY)
    assert held == ()
    assert facts.why
    with pytest.raises(ValueError):
        json.loads(cut)


@patient
@given(st.binary(max_size=60))
def test_bytes_of_any_kind_raise_nothing(body: bytes) -> None:
    """Whatever is in the object."""
    facts, _ = decode(body)
    assert facts.damage is not Damage.NONE


@patient
@given(_anything)
def test_json_of_any_kind_raises_nothing(plain: Any) -> None:
    """Only a state is one."""
    facts, _ = decode(json.dumps(plain).encode())
    assert facts.damage in (Damage.UNPARSABLE, Damage.UNSUPPORTED)


@pytest.mark.parametrize(
    ("parts", "address"),
    [
        ({"name": "a"}, "aws_vpc.a"),
        ({"name": "a", "index": 0}, "aws_vpc.a[0]"),
        ({"name": "a", "index": 'k"\\'}, 'aws_vpc.a["k\\"\\\\"]'),
        ({"name": "a", "index": "x", "module": "module.m[0].module.n"}, 'module.m[0].module.n.aws_vpc.a["x"]'),
    ],
)
def test_addresses_are_those_of_terraform(parts: dict[str, Any], address: str) -> None:
    """Module, type, name, and the index as it is written in commands."""
    instance = {"attributes": {"id": "vpc-01234567"}, "index_key": parts.get("index"), "status": "tainted",
                "deposed": "1a2b3c4d"}  # fmt: skip
    resource = {"mode": "managed", "type": "aws_vpc", "name": parts["name"], "provider": AWS, "instances": [instance]}
    if "module" in parts:
        resource["module"] = parts["module"]
    _, held = decode(json.dumps({"version": 4, "serial": 1, "resources": [resource]}).encode())
    assert [(one.address, one.provider, one.tainted, one.deposed) for one in held] == [
        (address, "registry.terraform.io/hashicorp/aws", True, True)
    ]


def test_attributes_of_old_providers_are_read(caplog: pytest.LogCaptureFixture) -> None:
    """States upgraded from Terraform 0.11 have them flat."""
    instance = {"attributes": None, "attributes_flat": {"id": "vpc-01234567", "tags.%": "0"}}
    resource = {"mode": "managed", "type": "aws_vpc", "name": "a", "provider": "provider.aws", "instances": [instance]}
    _, held = decode(json.dumps({"version": 4, "serial": 1, "resources": [resource]}).encode())
    assert [(one.provider, one.ids) for one in held] == [("aws", ((SELF, "vpc-01234567"),))]
    assert caplog.text == ""


def test_what_this_reader_cannot_take_is_not_called_damaged() -> None:
    """Nesting beyond Python's limits."""
    with pytest.raises(UndecodableError):
        decode(b'{"version": 4, "serial": 1, "check_results": ' + b"[" * 100_000 + b"]" * 100_000 + b"}")


@pytest.mark.parametrize(("version", "damage"), [(3, "unsupported"), (0, "unsupported"), (5, "unsupported")])
def test_other_formats_are_named(version: int, damage: str) -> None:
    """A format that is not the one of today is told from damage."""
    facts, _ = decode(json.dumps({"version": version, "serial": 1}).encode())
    assert (facts.damage.value.partition("_")[0], facts.version) == (damage, version)
