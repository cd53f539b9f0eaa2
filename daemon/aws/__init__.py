"""The way to AWS: identities, clients, and the places that checks look at. The only importer of boto3 and botocore."""

from daemon.aws.account import Account
from daemon.aws.accounts import aws_places, places_of
from daemon.aws.clients import Aws
from daemon.aws.context import AwsContext, Memory, NoMemory, NoOwners, Owners, Request, Watching
from daemon.aws.errors import describe, error_code, is_deleted, is_missing, look, reason_of
from daemon.aws.ledger import Ledger
from daemon.aws.place import AwsAccountPlace, AwsRegionPlace, NoPayerPlace
from daemon.aws.pool import ClientPool
from daemon.aws.rates import RATES, Rate, RateGate
from daemon.aws.sessions import OWN, AwsSettings, Identity, Role, Sessions

__all__ = [
    "OWN", "RATES", "Account", "Aws", "AwsAccountPlace", "AwsContext", "AwsRegionPlace", "AwsSettings", "ClientPool",
    "Identity", "Ledger", "Memory", "NoMemory", "NoOwners", "NoPayerPlace", "Owners", "Rate", "RateGate", "Request",
    "Role", "Sessions", "Watching", "aws_places", "describe", "error_code", "is_deleted", "is_missing", "look",
    "places_of", "reason_of",
]  # fmt: skip
