"""Answers that come in pages: botocore's paginator where there is one, the tokens by hand where there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from checks.base import Json

# Member of an answer that names the next page -> members of the question that take it.
TOKENS: Mapping[str, tuple[str, ...]] = {
    "NextToken": ("NextToken",),
    "nextToken": ("nextToken",),
    "NextPageToken": ("NextPageToken", "PageToken"),
    "nextPageToken": ("nextPageToken", "pageToken"),
    "NextMarker": ("Marker", "NextMarker"),
    "nextMarker": ("marker", "nextMarker"),
    "Marker": ("Marker",),
    "PaginationToken": ("PaginationToken",),
}
# Members by which an answer says that it is not all.
TRUNCATED = ("IsTruncated", "Truncated", "AdditionalDataPending", "AdditionalRoutesAvailable", "hasMoreResults")


class PagingError(Exception):
    """The pages do not end, or cannot be followed."""


class NoSuchKeyError(Exception):
    """The answer's shape has no member of the name: a mistake of the program."""


def raw_pages(
    client: Any, method: str, parameters: Mapping[str, Any], ask: Callable[[Callable[[], Any]], Any]
) -> Iterator[Mapping[str, Json]]:
    """Give the pages of an operation, each asked for through *ask*, which runs the request it is given.

    Raises PagingError for a token that repeats, and for a last page that says that it is not the last; whatever *ask*
    raises comes out as it is.
    """
    page: Mapping[str, Json] = {}
    for page in _pages(client, method, parameters, ask):
        yield page
    if _goes_on(page):
        raise PagingError(f"{method} says that there is more, and not where")


def _pages(
    client: Any, method: str, parameters: Mapping[str, Any], ask: Callable[[Callable[[], Any]], Any]
) -> Iterator[Mapping[str, Json]]:
    if client.can_paginate(method):
        pages = iter(client.get_paginator(method).paginate(**parameters))
        while True:
            page = ask(lambda: next(pages, None))
            if page is None:
                return
            yield page
    yield from _by_hand(client, method, parameters, ask)


def _goes_on(page: Mapping[str, Json]) -> bool:
    """Whether a page says that it is not the last one, on its own or within its list, as CloudFront does."""
    parts = [page, *(part for part in page.values() if isinstance(part, Mapping))]
    return any(part.get(name) is True for part in parts for name in TRUNCATED)


def _by_hand(
    client: Any, method: str, parameters: Mapping[str, Any], ask: Callable[[Callable[[], Any]], Any]
) -> Iterator[Mapping[str, Json]]:
    given, taken = token_names(client, method)
    asked, seen = dict(parameters), set()
    while True:
        page = ask(lambda: getattr(client, method)(**asked))
        yield page
        token = page.get(given) if given else None
        if not token:
            return
        if token in seen:
            raise PagingError(f"the same token came twice from {method}")
        if not taken:
            raise PagingError(f"{method} gives a token and takes none")
        seen.add(token)
        asked[taken] = token


def token_names(client: Any, method: str) -> tuple[str, str]:
    """Give (member of the answer, member of the question) that carry the token of an operation; empty: none."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    answer = model.output_shape.members if model.output_shape else {}
    question = model.input_shape.members if model.input_shape else {}
    for given, takers in TOKENS.items():
        if given in answer:
            return given, next((name for name in takers if name in question), "")
    return "", ""


def check_key(client: Any, method: str, key: str) -> None:
    """Raise NoSuchKeyError unless *key*, a path with dots, leads to a list in the operation's answer."""
    model = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method])
    shape = model.output_shape
    for name in key.split("."):
        members = getattr(shape, "members", {}) if shape is not None else {}
        if name not in members:
            raise NoSuchKeyError(f"{method} answers no {key}; there is: {', '.join(members) or 'nothing'}")
        shape = members[name]
    if shape is None or shape.type_name != "list":
        raise NoSuchKeyError(f"{key} of {method} is no list")


def under(page: Mapping[str, Json], key: str) -> list[Json] | None:
    """What a page has under *key*. A list that is left out is empty, if the page says anything else; None: nothing.

    S3 and CloudFront leave out empty lists. An answer that says nothing at all must not pass for one.
    """
    found: Any = {name: value for name, value in page.items() if name != "ResponseMetadata"}
    for name in key.split("."):
        if not found:
            return None
        found = found.get(name)
        if found is None:
            found = []
            break
    return list(found)
