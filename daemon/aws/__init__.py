"""The way to AWS: identities, clients, and the places that checks look at. The only importer of boto3 and botocore."""

from daemon.aws.account import Account
from daemon.aws.accounts import aws_places, places_of
from daemon.aws.clients import Aws
from daemon.aws.context import AwsContext, Memory, NoMemory, NoOwners, Owners, Request, Watching
from daemon.aws.errors import describe, error_code, is_deleted, is_missing, look, reason_of
from daemon.aws.ledger import Asked, Ledger
from daemon.aws.place import AwsAccountPlace, AwsRegionPlace, NoPayerPlace
from daemon.aws.pool import ClientPool
from daemon.aws.prices import PRICES, Price
from daemon.aws.rates import RATES, Rate, RateGate, Waited
from daemon.aws.sessions import OWN, AwsSettings, Identity, Role, Sessions
from daemon.aws.spending import Fact, Forgotten, Spending
from daemon.aws.whose import Whose

__all__ = [
    "OWN", "PRICES", "RATES", "Account", "Asked", "Aws", "AwsAccountPlace", "AwsContext", "AwsRegionPlace",
    "AwsSettings", "ClientPool", "Fact", "Forgotten", "Identity", "Ledger", "Memory", "NoMemory", "NoOwners",
    "NoPayerPlace", "Owners", "Price", "Rate", "RateGate", "Request", "Role", "Sessions", "Spending", "Waited",
    "Watching", "Whose", "aws_places", "describe", "error_code", "is_deleted", "is_missing", "look", "places_of",
    "reason_of",
]  # fmt: skip
