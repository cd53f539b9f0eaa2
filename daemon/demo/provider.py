"""A Terraform provider for a handful of AWS resource types, which it keeps in the demo's AWS.

It runs as a program of its own (Terraform starts it), talks to one endpoint and never to the real AWS.
"""

from __future__ import annotations

import os
from typing import Any

from tf import runner
from tf.schema import Attribute, Schema
from tf.types import String

from daemon.demo.api import Api
from daemon.demo.programs import end_with_parent
from daemon.demo.resources import ALL, Resource, State

ENDPOINT, REGION = "BAROGRAPH_DEMO_ENDPOINT", "BAROGRAPH_DEMO_REGION"


class Provider:
    """What Terraform asks of a provider: `local/demo/aws`."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def get_model_prefix(self) -> str:
        return "aws_"

    def full_name(self) -> str:
        return "local/demo/aws"

    def get_provider_schema(self, diagnostics: Any) -> Schema:
        return Schema(attributes=[Attribute("region", String(), optional=True)])

    def validate_config(self, diagnostics: Any, config: State) -> None:
        """Nothing to check: the region is the world's."""

    def configure_provider(self, diagnostics: Any, config: State) -> None:
        """Nothing to set up: the endpoint is fixed when the world is made."""

    def get_data_sources(self) -> list[Any]:
        return []

    def get_resources(self) -> list[type[Resource]]:
        return list(ALL)

    def get_functions(self) -> list[Any]:
        return []

    def new_resource(self, kind: type[Resource]) -> Resource:
        return kind(self.api)


def main() -> None:
    """Serve Terraform until it says to stop, or is gone."""
    end_with_parent()  # a Terraform that was killed leaves its providers running
    runner.run_provider(Provider(Api(os.environ[ENDPOINT], os.environ[REGION])))
