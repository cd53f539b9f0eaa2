"""Templates to answers: autoescaped, one inline style, a policy that allows that style and nothing else."""

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
    """The templates, read once."""

    def __init__(self) -> None:
        self._templates = Environment(
            autoescape=True, loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, trim_blocks=True,
            lstrip_blocks=True,
        )  # fmt: skip
        style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        self.policy = (
            f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'; "
            "frame-ancestors 'none'"
        )
        self._templates.globals |= {
            "style": Markup(style),  # noqa: S704 - our own file; the policy's hash is of these very bytes
            "ago": words.ago,
            "until": words.until,
            "moment": words.moment,
            "span": words.span,
            "length": lambda seconds: words.span(timedelta(seconds=seconds)),
            "plural": words.plural,
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
