"""The ASGI application: the protocols' routes behind one door."""

from starlette.routing import Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mlops_cli.serving import http, logs, page, protocols
from mlops_cli.serving.auth import Keys
from mlops_cli.serving.operations import Operations
from mlops_cli.serving.protocols import admin, description, prometheus
from mlops_cli.serving.refusals import Broken, Refusal, Unknown
from mlops_cli.serving.service import Service
from mlops_cli.serving.traces import Tracing
from mlops_cli.serving.watch import Watch


def build(
    service: Service,
    keys: Keys,
    operations: Operations | None = None,
    tracing: Tracing | None = None,
) -> ASGIApp:
    """The application that answers for `service`.

    Args:
        service: What is served.
        keys: Who may ask.
        operations: What the admin endpoint may change; None for none.
        tracing: Keeps a trace of each request; None for none.
    """
    watch = Watch(service.config, tracing)
    routes = [route for protocol in protocols.ALL for route in protocol.routes(service)]
    routes += prometheus.routes(service, watch.metrics)
    routes += admin.routes(operations) if operations else ()
    routes += description.routes(service, secured=bool(keys), administered=operations is not None)
    if service.config.page:
        routes += page.routes(service)
    router = Router(routes=routes, redirect_slashes=False, default=_nowhere)
    return _for_pages_of(service.config.cors, Door(router, keys, watch))


class Door:
    """Lets requests in, and turns whatever they end with into an answer.

    A `Refusal` is answered in the words of the protocol that the path belongs to. Anything else is
    a defect of ours: it is logged with its traceback and answered with 500.
    """

    def __init__(self, app: ASGIApp, keys: Keys, watch: Watch) -> None:
        self.app = app
        self.keys = keys
        self.watch = watch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            return
        exchange = self.watch.begin(scope)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                message["headers"].append((b"x-request-id", exchange.id))
            await send(message)

        try:
            self.keys.admit(scope)
            await self.app(scope, receive, answer)
        except Refusal as refusal:
            exchange.refusal = refusal
            await _refuse(scope, answer, refusal)
        except Exception as error:
            logs.defect(exchange, error, inputs=self.watch.config.log_inputs)
            if not exchange.status:
                await _refuse(scope, answer, Broken("internal error"))
        finally:
            self.watch.end(exchange)


def _for_pages_of(origins: list[str], app: ASGIApp) -> ASGIApp:
    """The application, for pages of other origins too."""
    if not origins:
        return app
    from starlette.middleware.cors import CORSMiddleware

    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["X-Request-Id", "Retry-After", "Inference-Header-Content-Length"],
    )


async def _refuse(scope: Scope, send: Send, refusal: Refusal) -> None:
    await http.send_json(
        send,
        protocols.of(scope["path"]).problem(refusal),
        status=refusal.status,
        headers=http.refusal_headers(refusal),
    )


async def _nowhere(scope: Scope, receive: Receive, send: Send) -> None:
    raise Unknown(f"there is nothing at {scope['path'][:200]}", hint="see /docs")
