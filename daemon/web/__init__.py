"""The status page, metrics and health over HTTP. The only package that imports starlette and uvicorn."""

from daemon.web.app import Face, WebDeps, create_app
from daemon.web.auth import AuthSettings, Credential, Granted, Proxy
from daemon.web.listening import Bound, Listeners, listening
from daemon.web.serving import serving

__all__ = [
    "AuthSettings", "Bound", "Credential", "Face", "Granted", "Listeners", "Proxy", "WebDeps", "create_app",
    "listening", "serving",
]  # fmt: skip
