"""What a supervisor and a load balancer ask."""

from collections.abc import Mapping
from typing import Any

from handlers.call import Call
from handlers.problems import Refusal, retry_after

MAX_REASONS = 16


async def get_health(_call: Call) -> Mapping[str, Any]:
    return {"detail": "alive"}


async def get_ready(call: Call) -> Mapping[str, Any]:
    reasons = await call.services.readiness()
    if reasons:
        raise Refusal(
            "not-ready",
            "not ready",
            headers=(retry_after(1),),
            more={"reasons": reasons[:MAX_REASONS]},
        )
    return {"detail": "ready"}
