"""The operations on accounts."""

from collections.abc import Mapping
from typing import Any

from handlers.audit import audit
from handlers.call import Call
from services.timestamps import to_rfc3339


async def create_user(call: Call) -> Mapping[str, Any]:
    username = call.body["username"]
    await call.services.accounts.register(
        username=username,
        password=call.body["password"],
        public_key=call.body["public_key"],
        api_key=call.body["api_key"],
    )
    audit(call, "registered", username)
    return {"detail": f"Successfully created {username}"}


async def login_user(call: Call) -> Mapping[str, Any]:
    session = await call.services.accounts.log_in(
        username=call.body["username"],
        password=call.body["password"],
        api_key=call.body["api_key"],
        source=call.source,
    )
    audit(call, "logged in", session.username)
    return {
        "detail": f"Successful Login for {session.username}",
        "token": session.token,
        "expires_at": to_rfc3339(session.expires_at),
        "relay_url": call.settings.relay_url,
    }


async def get_user(call: Call) -> Mapping[str, Any]:
    user = await call.services.accounts.public_user(call.path["username"])
    return {
        "detail": user.public_key.text,
        "username": user.username,
        "key_version": user.public_key.version,
        "created_at": to_rfc3339(user.created_at),
    }


async def head_user(call: Call) -> Mapping[str, Any]:
    return await get_user(call)


async def delete_user(call: Call) -> Mapping[str, Any]:
    username = call.path["username"]
    await call.services.accounts.delete(call.caller, username=username)
    audit(call, "deleted the account", username)
    return {"detail": f"Successfully deleted {username}"}


async def update_password(call: Call) -> Mapping[str, Any]:
    username = call.path["username"]
    await call.services.accounts.change_password(
        call.caller,
        username=username,
        old_password=call.body["old_password"],
        new_password=call.body["new_password"],
        source=call.source,
    )
    audit(call, "changed the password", username)
    return {"detail": f"Successfully changed the password of {username}"}


async def update_public_key(call: Call) -> Mapping[str, Any]:
    username = call.path["username"]
    version = await call.services.accounts.change_public_key(
        call.caller,
        username=username,
        public_key=call.body["public_key"],
        if_version=call.body["if_version"],
    )
    audit(call, "changed the public key", username)
    return {
        "detail": f"Successfully changed the public key of {username}",
        "key_version": version,
    }
