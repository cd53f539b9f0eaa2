"""The status page, metrics and health over HTTP. The only package that imports starlette and uvicorn."""

from daemon.web.app import WebDeps, create_app
from daemon.web.auth import AuthSettings, Credential
from daemon.web.serving import serving

__all__ = ["AuthSettings", "Credential", "WebDeps", "create_app", "serving"]
