"""The few AWS calls of the demo, without boto3: importing that would make every plan a second longer.

Made for moto's server, which checks no signature and reads the service from the Authorization header.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from xml.etree import ElementTree

ACCOUNT = "123456789012"  # moto's own default
SECONDS = 30.0
# Access keys, of which nobody checks the secret: who is asking, as CloudTrail would write it down.
DEPLOYMENT, BY_HAND, AWS_ITSELF = "AKIADEMODEPLOYMENT00", "AKIADEMOBYHAND000000", "AKIADEMOAWSITSELF000"


class ApiError(Exception):
    """A call was refused or did not arrive. *code* is AWS' error code; empty when there was no answer."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Api:
    """The AWS of the demo, at *endpoint* ("http://127.0.0.1:4566"), in one region. Raises ApiError."""

    endpoint: str
    region: str
    access_key: str = DEPLOYMENT

    def tell(self, fact: str, value: Any) -> None:
        """Tell the stand-in what happened where AWS has no call for it."""
        self._request("s3", "PUT", f"/_demo/facts/{fact}", json.dumps(value).encode(), {})

    def json(self, service: str, target: str, payload: Mapping[str, Any]) -> dict[str, Any]:
        """A call of the JSON protocol: DynamoDB, SSM, SQS."""
        version = "1.1" if service == "ssm" else "1.0"
        headers = {"X-Amz-Target": target, "Content-Type": f"application/x-amz-json-{version}"}
        body = self._request(service, "POST", "/", json.dumps(payload).encode(), headers)
        answer = json.loads(body or b"{}")
        return answer if isinstance(answer, dict) else {}

    def ec2(self, action: str, parameters: Mapping[str, str]) -> ElementTree.Element:
        """A call of the EC2 query protocol; gives the answer without XML namespaces."""
        form = urlencode({"Action": action, "Version": "2016-11-15", **parameters}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        return read_xml(self._request("ec2", "POST", "/", form, headers))

    def s3(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """A call of S3's REST protocol; *path* is "/bucket/key" and may carry a query."""
        path, _, query = path.partition("?")
        return self._request("s3", method, quote(path) + ("?" + query if query else ""), body, headers or {})

    def _request(self, service: str, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        scope = f"{self.access_key}/20250101/{self.region}/{service}/aws4_request"
        signed = {**headers, "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"}
        connection = HTTPConnection(urlsplit(self.endpoint).netloc, timeout=SECONDS)
        try:
            connection.request(method, path, body, signed)
            response = connection.getresponse()
            answer = response.read()
        except (OSError, HTTPException) as error:
            raise ApiError("", f"{service} does not answer at {self.endpoint}: {type(error).__name__}") from error
        finally:
            connection.close()
        if response.status >= 300:
            code = _error_code(answer) or str(response.status)
            raise ApiError(code, f"{service} refused {headers.get('X-Amz-Target', method)}: {code}")
        return answer


def read_xml(text: bytes) -> ElementTree.Element:
    """The XML of an answer, without namespaces. Raises ApiError."""
    try:
        root = ElementTree.fromstring(text)  # noqa: S314 - the answer of our own child process
    except ElementTree.ParseError as error:
        raise ApiError("", "an answer is not XML") from error
    for element in root.iter():
        element.tag = element.tag.partition("}")[2] or element.tag
    return root


def _error_code(answer: bytes) -> str:
    """AWS' error code in an answer of either protocol; empty when there is none. Never other text of the answer."""
    try:
        if answer.lstrip().startswith(b"{"):
            return str(json.loads(answer).get("__type", "")).rpartition("#")[2]
        return (read_xml(answer).findtext(".//Code") or "").strip()
    except (ApiError, ValueError, AttributeError):
        return ""
