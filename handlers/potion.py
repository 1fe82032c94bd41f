"""What relays ask."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from handlers.audit import audit
from handlers.call import Call
from services.introspection import answer_to


async def introspect(call: Call) -> Mapping[str, Any]:
    token, kind = call.body["token"], call.body["token_type_hint"]
    caller = await call.services.introspection.ask(token, kind)
    if caller is None:
        audit(call, "told a relay that a token is nobody's")
        return {"active": False}
    audit(call, "told a relay whose token it is", caller.username)
    return {
        "active": True,
        "sub": str(UUID(bytes=caller.user_id)),
        "username": caller.username,
        "exp": caller.expires_at // 1000,
        "sid": caller.session_id,
        "answer_to": answer_to(call.body["nonce"], token),
    }


async def check_sessions(call: Call) -> Mapping[str, Any]:
    ended = await call.services.introspection.ended(call.body["sids"])
    # Relays ask every now and then: only what comes of it is worth a line.
    if ended:
        audit(call, "told a relay of sessions that are over")
    return {"ended": ended}
