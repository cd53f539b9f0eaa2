"""Templates to answers: autoescaped, one inline style and script, a policy that allows these two and nothing else."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from alerts.render import where
from alerts.suspects import likely_who
from daemon.web import words

TEMPLATES = Path(__file__).parent / "templates"


class Renderer:
    """The templates, read once. *with_metrics*: whether `/metrics` is served beside the pages."""

    def __init__(self, *, with_metrics: bool = True) -> None:
        self._templates = Environment(
            autoescape=True, loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
        script = (TEMPLATES / "refresh.js").read_text(encoding="utf-8")
        self.policy = (
            f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
        )
        self._templates.globals |= {
            "style": Markup(style),  # noqa: S704 - our own file; the policy's hash is of these very bytes
            "script": Markup(script),  # noqa: S704 - likewise
            "with_metrics": with_metrics,
            "ago": words.ago,
            "until": words.until,
            "moment": words.moment,
            "span": words.span,
            "length": lambda seconds: words.span(timedelta(seconds=seconds)),
            "plural": words.plural,
            "numbered": lambda count, one, many="": f"{count:,} {one if count == 1 else many or one + 's'}",
            "likely_who": likely_who,
            "symbols": words.SYMBOLS,
            "styles": words.STYLES,
            "where": where,
            "instance_path": lambda place: f"/instances/{quote(place, safe='/')}",
            "incident_path": lambda fingerprint: f"/incidents/{quote(fingerprint, safe=':')}",
        }
        self._templates.filters["spoken"] = words.spoken

    def page(self, template: str, status: int = 200, **content: Any) -> HTMLResponse:
        """One page. A template that uses a name it was not given is a bug, and raises."""
        return HTMLResponse(self._templates.get_template(template).render(**content), status)


def _digest(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"
