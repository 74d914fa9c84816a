"""The endpoints: scores of rows, health, readiness, version."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import JSONResponse

from trading_assets.models.families.own import OwnFitted
from trading_assets.serving.circuit import Answer, Circuit, NoModelError
from trading_assets.serving.rows import RowsError

#: Bytes of a request.
MOST_BYTES = 16 * 2**20
_EXAMPLE = {"rows": [{"return_20": 0.012, "volatility_20": None}]}
_BODY = {"requestBody": {"required": True, "content": {"application/json": {"example": _EXAMPLE}}}}


class _RequestError(Exception):
    def __init__(self, status: int, error: str) -> None:
        super().__init__(error)
        self.status = status


def make_app(circuit: Circuit, name: str, version: str, hosts: Sequence[str] = ("*",)) -> FastAPI:
    """Return the application.

    Parameters
    ----------
    circuit
        What answers.
    name
        Name of the model or the champion that it answers for.
    version
        Version of this package.
    hosts
        Names that requests may call this machine by: a page in a browser, under a name of its own for this machine, may
        not read the answers.
    """
    # The pages of FastAPI that show an interface load scripts from elsewhere; its description stays.
    app = FastAPI(title=f"Scores of {name}", version=version, docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts))

    @app.post("/score", openapi_extra=_BODY, summary="Score rows of features")
    async def score(request: Request) -> JSONResponse:
        try:
            body = await _body_of(request)
            answering = circuit.standing.answering
            # A user's own model answers from a process of its own: others are not kept waiting for it.
            is_slow = answering is not None and isinstance(answering.fitted, OwnFitted)
            answer = await asyncio.to_thread(circuit.answer, body) if is_slow else circuit.answer(body)
        except _RequestError as error:
            return JSONResponse({"error": str(error)}, error.status)
        except RowsError as error:
            return JSONResponse(error.as_json(), 422)
        except NoModelError as error:
            return JSONResponse({"error": str(error)}, 503)
        return JSONResponse(_said(answer))

    @app.get("/health", summary="Whether the process answers")
    async def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/ready", summary="Whether a model answers, and whether it is the champion")
    async def ready() -> JSONResponse:
        standing = circuit.standing
        model = standing.answering
        found = {
            "ready": model is not None,
            "fallback": model is not None and standing.trouble is not None,
            "trouble": standing.trouble,
            "circuit": "closed" if standing.failing is None else "open",
            "model": None if model is None else model.model,
            "version": None if model is None else model.version,
        }
        return JSONResponse(found, 503 if model is None else 200)

    @app.get("/version", summary="The model that answers, with its features")
    async def of_model() -> JSONResponse:
        model = circuit.standing.answering
        found: dict[str, Any] = {"name": name, "trading_assets": version}
        if model is not None:
            found |= {
                "model": model.model,
                "version": model.version,
                "number": model.number,
                "artifact_sha256": model.sha256,
                "features": list(model.features),
            }
        return JSONResponse(found)

    return app


async def _body_of(request: Request) -> object:
    """What a request says; read no further than it may be long."""
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BYTES:
            raise _RequestError(413, f"the request is longer than {MOST_BYTES} bytes: send fewer rows at a time")
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _RequestError(400, f"the request is no JSON: {error}") from None
    return body


def _said(answer: Answer) -> dict[str, Any]:
    return {
        "scores": answer.scores.tolist(),
        "model": answer.model.model,
        "version": answer.model.version,
        "number": answer.model.number,
        "fallback": answer.trouble is not None,
        "trouble": answer.trouble,
    }
