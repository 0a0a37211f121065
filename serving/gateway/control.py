"""Routes of the gateway's own: how it is, its figures, its services, the catalog.

Belongs here: the FastAPI application that answers and documents them. Does not belong here: who
may ask (``access.py``); nothing reaches this application without that being settled.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated, Any, Literal

from fastapi import FastAPI, Path, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from serving.gateway import metrics
from serving.gateway.addresses import ForbiddenAddressError
from serving.gateway.bounds import Message
from serving.gateway.catalog import Catalog
from serving.gateway.catalog_routes import catalog_routes
from serving.gateway.errors import RefusedError, error_body
from serving.gateway.exchange import Exchange
from serving.gateway.health import Health
from serving.gateway.json_file import DamagedFileError
from serving.gateway.services import Service, Services
from serving.gateway.settings import DeclaredService, ServiceKind
from serving.gateway.text_search import TextSearch

_BODY_BYTES = 65_536
_SECONDS = 30.0
_NAME = Path(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="Name of the service")


class DependencyState(BaseModel):
    """How a dependency is."""

    name: str
    needed: bool = Field(description="The gateway is not ready without it")
    up: bool
    detail: str = Field(description="What is wrong, empty where nothing is")
    latency_ms: float
    since: str = Field(description="When it became as it is")
    checked_at: str


class Readiness(BaseModel):
    """Whether all that is needed is up."""

    ready: bool
    dependencies: list[DependencyState]


class ServiceState(BaseModel):
    """A service."""

    name: str
    kind: ServiceKind
    url: str
    needed: bool
    declared: bool = Field(description="It stands in the configuration and is never forgotten")
    expires_at: float = Field(description="Seconds since 1970; 0 for a declared one")
    up: bool | None = Field(description="null where it was not looked at yet")


class Registration(BaseModel):
    """What a service says of itself."""

    kind: Literal["predict", "dagster", "dagster-read-only"]
    url: str = Field(max_length=256, examples=["http://127.0.0.1:8201"])
    health: str = Field(default="/health", pattern=r"^/[A-Za-z0-9/_.-]*$", max_length=256)


class Problem(BaseModel):
    """A refusal, in OpenAI's form."""

    error: dict[str, Any]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem}
    for status in (400, 401, 403, 404, 405, 410, 413, 414, 422, 429, 431, 503)
}


class Control:
    """Answers the routes of the gateway's own."""

    def __init__(
        self, health: Health, services: Services, catalog: Catalog, text_search: TextSearch
    ) -> None:
        """Put together of its parts."""
        self.application = FastAPI(
            title="aModels gateway",
            version=version("amodels"),
            description="Read-only queries on the catalog, and how the gateway is. "
            "Below /v1 stands OpenAI's API, below /predict what services register.",
            docs_url=None,
            redoc_url=None,
            responses=PROBLEMS,
            redirect_slashes=False,
        )
        self.application.include_router(catalog_routes(catalog, text_search))
        _add_own_routes(self.application, health, services)
        self.application.add_exception_handler(RefusedError, _refused)
        self.application.add_exception_handler(RequestValidationError, _invalid)
        self.application.add_exception_handler(HTTPException, _http_error)
        self.application.openapi = self._openapi(self.application.openapi)

    async def answer(self, exchange: Exchange) -> None:
        """Answer a request."""
        body = b""
        if exchange.method not in {"GET", "HEAD"}:
            body = await exchange.body(_BODY_BYTES)
        exchange.end_after(_SECONDS, "no answer was made in time")
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def receive() -> Message:
            return next(messages, {"type": "http.disconnect"})

        await self.application(exchange.scope, receive, exchange.pass_on)

    @staticmethod
    def _openapi(make: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
        def described() -> dict[str, Any]:
            schema = make()
            scheme = {"type": "http", "scheme": "bearer"}
            schema["components"]["securitySchemes"] = {"key": scheme}
            schema["security"] = [{"key": []}]
            return schema

        return described


def _add_own_routes(application: FastAPI, health: Health, services: Services) -> None:
    @application.get("/readyz", tags=["state"], responses={503: {"model": Readiness}})
    async def readyz(response: Response) -> Readiness:
        """Whether all that is needed is up, and how each dependency is."""
        response.status_code = 200 if health.ready else 503
        states = [
            DependencyState(**{name: getattr(state, name) for name in DependencyState.model_fields})
            for state in health.states()
        ]
        return Readiness(ready=health.ready, dependencies=states)

    @application.get("/metrics", tags=["state"], response_class=Response)
    def figures() -> Response:
        """Figures in the form of Prometheus."""
        return Response(metrics.exposition(), media_type=metrics.CONTENT_TYPE)

    @application.get("/services", tags=["services"])
    def list_services() -> list[ServiceState]:
        """The services behind the gateway."""
        return [_state(service, health) for service in services.all()]

    @application.put("/services/{name}", tags=["services"])
    def register(name: Annotated[str, _NAME], said: Registration) -> ServiceState:
        """Take a service in; said again before ``expires_at``, it stays."""
        try:
            service = services.register(DeclaredService(name=name, **said.model_dump()))
        except ForbiddenAddressError as error:
            raise RefusedError(400, "forbidden_address", str(error)) from None
        except DamagedFileError as error:
            raise RefusedError(503, "services_damaged", str(error)) from None
        except ValueError as error:
            raise RefusedError(409, "name_taken", str(error)) from None
        return _state(service, health)

    @application.delete("/services/{name}", tags=["services"], status_code=204)
    def forget(name: Annotated[str, _NAME]) -> None:
        """Forget a service that registered."""
        if not services.forget(name):
            raise RefusedError(404, "unknown_service", f"no service {name} has registered")


def _state(service: Service, health: Health) -> ServiceState:
    return ServiceState(
        name=service.name,
        kind=service.kind,
        url=str(service.address),
        needed=service.needed,
        declared=not service.expires_at,
        expires_at=service.expires_at,
        up=health.is_up(f"service {service.name}"),
    )


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RefusedError)  # noqa: S101 - it is registered for that
    headers = {"retry-after": f"{error.retry_after:.0f}"} if error.retry_after else None
    return Response(error_body(error), error.status, headers, "application/json")


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for that
    found = error.errors()
    where = ".".join(str(part) for part in found[0]["loc"]) if found else "request"
    message = found[0]["msg"] if found else "it is not valid"
    return await _refused(request, RefusedError(422, "invalid", f"{where}: {message}"))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for that
    code = {404: "unknown_path", 405: "method_not_allowed"}.get(error.status_code, "refused")
    refused = RefusedError(error.status_code, code, str(error.detail))
    response = await _refused(request, refused)
    if error.status_code == 405:
        response.headers["allow"] = ", ".join(sorted(_methods(request)))
    return response


def _methods(request: Request) -> set[str]:
    """The methods that are documented for a request's path."""
    found: set[str] = set()
    for path, methods in request.app.openapi()["paths"].items():
        pattern = re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path))
        if re.fullmatch(pattern, request.url.path):
            found |= {method.upper() for method in methods}
    return found or {"GET"}
