"""What a program, or the person before it, does about each problem: Markdown, a few sentences."""

from collections.abc import Mapping
from typing import Final

ADVICE: Final[Mapping[str, str]] = {
    "bad-request": (
        "Do not send it again as it is: the answer stays the same. `detail` says what cannot be"
        " read. It is a mistake in the program that made the request, not in what a person "
        "typed."
    ),
    "invalid-input": (
        "Go through `errors`: `in` and `pointer` say where, `rule` which rule is broken, "
        "`schema` where the contract states it. Show it beside the field, have it mended, send "
        "it again."
    ),
    "unknown-api-key": (
        "Ask whoever made the app's API key for a new one (`POST /key`). Logging in or "
        "registering again with the same key does not help."
    ),
    "bad-credentials": (
        "Let the person type name and password again. When nobody can log in with this app, its"
        " API key may be revoked. Repeated failures end in `too-many-tries`."
    ),
    "not-logged-in": (
        "Log in (`PUT /user`), then repeat the request with the new token. Throw the old token "
        "away."
    ),
    "unknown-revoke-token": (
        "Check that the token is the `revoke_token` which `POST /key` answered with the key. "
        "When it was used before, the key is revoked already. When it is lost, the operator can"
        " revoke the key with the admin credential."
    ),
    "admin-only": (
        "Ask the operator of this server for an API key. The operator sends `POST /key` with "
        "the admin credential as the bearer."
    ),
    "not-a-relay": (
        "This is for the operator: give the relay the node secret that the API has, and put the"
        " relay's address on the API's allow-list."
    ),
    "not-yourself": (
        "Use the path of the account that is logged in: `GET /session` answers its name. Nobody"
        " can change another's account."
    ),
    "wrong-password": (
        "Let the person type the old password again. Wrong ones count as failed logins."
    ),
    "log-in-again": (
        "Ask for the password once more, log in (`PUT /user`), and repeat the request with the "
        "new token within five minutes."
    ),
    "user-not-found": (
        "Check the spelling: a name has one, upper and lower case differ. A deleted account "
        "does not come back."
    ),
    "not-the-owner": (
        "Ask the room's owner: `GET /room/{room}` names one. An open room has none: one joins it "
        "by connecting, and nobody can be removed from it."
    ),
    "room-not-found": (
        "Check the name: upper and lower case differ. When it is right, the user is not in the "
        "room (any more), or it is deleted: ask a member for an invitation. An open room is "
        "joined by connecting to it."
    ),
    "member-not-found": (
        "Nothing is left to do: the user is not in the room. Otherwise check the spelling of the "
        "name, which has one."
    ),
    "limit-reached": (
        "`detail` names the limit. Leave or delete a room, decline or take back an invitation, or "
        "remove a member; then repeat the request. Or ask the operator for a higher one."
    ),
    "api-key-not-found": (
        "Nothing is left to do if the key was revoked before. Otherwise check the header "
        "`Ilo-Api-Key`."
    ),
    "not-found": (
        "Compare the path with the [reference](../docs). A segment with `/`, `?`, `#` or `%` in"
        " it has to be percent-encoded, and there is no slash at the end."
    ),
    "method-not-allowed": ("Use one of the methods that the header `Allow` names."),
    "name-taken": ("Let the person choose another name. A name is never given out twice."),
    "key-version-conflict": (
        "Get the user again (`GET /user/{username}`): another device has replaced the key. "
        "Compare, then repeat the request with the `key_version` of that answer as "
        "`if_version`."
    ),
    "too-large": ("Make the body smaller. Sent again as it is, it gets the same answer."),
    "unsupported-media-type": (
        "Send the `Content-Type` that the operation names, in UTF-8, without `Content-Encoding`."
    ),
    "too-many-tries": (
        "Wait for as many seconds as `Retry-After` says, then try again. Do not try in a loop: "
        "each try counts."
    ),
    "internal": (
        "Try again later. When it stays, send the operator the `instance`: it finds the fault "
        "in the server's log."
    ),
    "overloaded": (
        "Nothing was done, so the request may be sent again as it is, after as many seconds as "
        "`Retry-After` says."
    ),
    "store-unavailable": (
        "Wait as `Retry-After` says, then look whether it was done before you send it again: "
        "log in, or get what you have changed."
    ),
    "storage-full": (
        "Nothing was done. The operator has to make room; until then, try now and then, not in "
        "a loop."
    ),
    "not-ready": (
        "Wait as `Retry-After` says and ask again. A load balancer sends nothing here until the"
        " answer is 200. The operator reads in `reasons` what is missing."
    ),
    "no-upgrade": (
        "Open a WebSocket (`ws:` or `wss:`) instead of sending a plain request. When the "
        "program does, a proxy between has dropped the header `Upgrade`: have it passed on."
    ),
    "wrong-origin": (
        "This is for the operator: a page may connect only when its origin is on the list of "
        "allowed origins, letter by letter, with scheme and port."
    ),
    "not-a-member": ("Do not try again. Ask somebody in the room to let you in."),
    "too-many-connections": (
        "Close connections that are not needed, wait as `Retry-After` says, and connect again."
    ),
    "too-many-rooms": (
        "Let the person leave a room (`DELETE /room/{room}/member/{username}`), then connect again."
    ),
    "room-full": ("Wait until somebody leaves, or take another room."),
    "unavailable": (
        "Wait as `Retry-After` says, and some random time more, so that not everybody comes "
        "back at once; then connect again."
    ),
}
"""By slug; every problem of both contracts has one, and there is no other."""
