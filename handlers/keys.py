"""The operations on API keys."""

from collections.abc import Mapping
from typing import Any

from handlers.audit import audit
from handlers.call import Call
from handlers.problems import invalid_input
from handlers.schemas import Fault

KEY_HEADER = "Ilo-Api-Key"
ADMIN = "admin"


async def create_key(call: Call) -> Mapping[str, Any]:
    key = await call.services.keys.create(source=call.source, admin=call.is_admin)
    audit(call, "made an API key", ADMIN if call.is_admin else "-")
    return {"detail": key.key, "revoke_token": key.revoke_token}


async def delete_key(call: Call) -> Mapping[str, Any]:
    if call.revoke_token is not None:
        await call.services.keys.revoke(call.revoke_token)
        audit(call, "revoked an API key", "its revoke token")
    else:
        key = call.headers.get(KEY_HEADER.lower())
        if key is None:
            raise invalid_input(Fault("header", f"/{KEY_HEADER}", "required"))
        await call.services.keys.revoke_as_admin(key)
        audit(call, "revoked an API key", ADMIN)
    return {"detail": "Successfully revoked the API key"}
