"""The operations on what a login makes: sessions, and tickets for browsers."""

from collections.abc import Mapping
from typing import Any

from handlers.audit import audit
from handlers.call import Call
from services.timestamps import to_rfc3339


async def get_session(call: Call) -> Mapping[str, Any]:
    caller = call.caller
    return {
        "detail": f"Logged in as {caller.username}",
        "username": caller.username,
        "created_at": to_rfc3339(caller.session_created_at),
        "expires_at": to_rfc3339(caller.expires_at),
        "relay_url": call.settings.relay_url,
    }


async def delete_session(call: Call) -> Mapping[str, Any]:
    await call.services.sessions.end(call.caller)
    audit(call, "logged out", call.caller.username)
    return {"detail": f"Successfully logged out {call.caller.username}"}


async def delete_other_sessions(call: Call) -> Mapping[str, Any]:
    await call.services.sessions.end_others(call.caller)
    audit(call, "logged out elsewhere", call.caller.username)
    return {"detail": f"Successfully logged out {call.caller.username} elsewhere"}


async def create_ticket(call: Call) -> Mapping[str, Any]:
    ticket = await call.services.tickets.create(call.caller)
    audit(call, "made a ticket", call.caller.username)
    return {"ticket": ticket.ticket, "expires_at": to_rfc3339(ticket.expires_at)}
