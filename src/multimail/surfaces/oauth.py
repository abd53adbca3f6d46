"""OAuth 2.1 as programs see it: who gives tokens for what, registration, tokens and their end.

The page on which a person agrees is dashboard/authorize.py; what is decided is in operations/oauth.py.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from multimail.core.errors import Refused
from multimail.operations import oauth
from multimail.operations.context import Services
from multimail.surfaces.dashboard.session import read_form

LIMIT: Final = 16 * 1024  # octets of a registration
SERVER: Final = "/.well-known/oauth-authorization-server"
RESOURCE: Final = "/.well-known/oauth-protected-resource"
AUTHORIZE: Final = "/dashboard/authorize"


def routes(services: Services) -> list[BaseRoute]:
    """For build_app's `extra_routes`."""
    site = services.site
    scopes = [scope.value for scope in oauth.SCOPES]
    protected = {  # RFC 9728 section 2
        "resource": oauth.resource(site),
        "resource_name": "MultiMail",
        "authorization_servers": [site.public_url],
        "scopes_supported": scopes,
        "bearer_methods_supported": ["header"],
        "resource_documentation": f"{site.public_url}/docs",
    }
    server = {  # RFC 8414 section 2
        "issuer": site.public_url,
        "authorization_endpoint": site.public_url + AUTHORIZE,
        "token_endpoint": f"{site.public_url}/oauth/token",
        "registration_endpoint": f"{site.public_url}/oauth/register",
        "revocation_endpoint": f"{site.public_url}/oauth/revoke",
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(oauth.GRANTS),
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "scopes_supported": scopes,
        "service_documentation": f"{site.public_url}/docs",
        "client_id_metadata_document_supported": True,
        "authorization_response_iss_parameter_supported": True,  # RFC 9207
    }

    def told(document: Mapping[str, Any]) -> Any:
        async def endpoint(request: Request) -> Response:
            request.scope["operation"] = "oauth"
            return JSONResponse(document, headers={"Cache-Control": "max-age=3600"})

        return endpoint

    async def register(request: Request) -> Response:
        request.scope["operation"] = "oauth"
        try:
            return JSONResponse(oauth.register(services, await _read_json(request)), 201)
        except oauth.Fault as fault:
            return _error(fault)

    async def token(request: Request) -> Response:
        request.scope["operation"] = "oauth"
        try:
            given = await _read_fields(request)
        except oauth.Fault as fault:
            return _error(fault)
        answer = await services.db.write(partial(oauth.exchange, services, given))
        return _error(answer) if isinstance(answer, oauth.Fault) else JSONResponse(answer)

    async def revoke(request: Request) -> Response:
        request.scope["operation"] = "oauth"
        try:
            given = await _read_fields(request)
        except oauth.Fault as fault:
            return _error(fault)
        await services.db.write(partial(oauth.revoke, services, given.get("token", "")))
        return JSONResponse({})

    return [
        Route(RESOURCE, told(protected)),
        Route(f"{RESOURCE}/mcp", told(protected)),
        Route(SERVER, told(server)),
        Route("/oauth/register", register, methods=["POST"]),
        Route("/oauth/token", token, methods=["POST"]),
        Route("/oauth/revoke", revoke, methods=["POST"]),
    ]


def challenge(services: Services, error: str = "") -> str:
    """The WWW-Authenticate of a 401 at /mcp: where to learn how to get in (RFC 9728 section 5.1)."""
    told = f'resource_metadata="{services.site.public_url}{RESOURCE}/mcp", scope="read send"'
    return f'Bearer error="{error}", {told}' if error else f"Bearer {told}"


def _error(fault: oauth.Fault) -> Response:
    return JSONResponse({"error": fault.code, "error_description": fault.words}, 400)


async def _read_fields(request: Request) -> dict[str, str]:
    """Each field of a form; one that comes twice is none (RFC 6749 section 3.2). Raises Fault."""
    try:
        form = await read_form(request)
    except Refused as refused:
        raise oauth.Fault("invalid_request", refused.sentence) from None
    if any(len(values) > 1 for name, values in form.fields.items() if name != "resource"):
        raise oauth.Fault("invalid_request", "a field came twice")
    return {name: values[-1] for name, values in form.fields.items()}


async def _read_json(request: Request) -> Mapping[str, Any]:
    content = b""
    async for chunk in request.stream():
        content += chunk
        if len(content) > LIMIT:
            raise oauth.Fault("invalid_client_metadata", "it is too long")
    try:
        given = from_json(content)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        raise oauth.Fault("invalid_client_metadata", "send a JSON object")
    return given
