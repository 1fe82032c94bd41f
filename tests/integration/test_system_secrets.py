"""Secrets that pass through both doors, rightly and wrongly, are in no log and in no refusal.

Every logger is at DEBUG. Two controls show that the search would find them: the text of a
message in the database file, and an Ilo that tells secrets with nothing taken out.
"""

from pathlib import Path

from tests.support.ilo_process import FAULTY
from tests.support.planted_secrets import (
    MESSAGE,
    PLANTED,
    Told,
    go_through_relay,
    go_through_rest,
    hits,
    logging_all,
    logs_of,
)


async def test_no_secret_is_in_any_log_or_refusal(tmp_path: Path) -> None:
    told = Told()
    async with logging_all(tmp_path) as (ilo, client):
        made = await go_through_rest(client, told)
        await go_through_relay(client, made, told)
    name = made.pop("name")
    secrets = {**made, **PLANTED}
    logs = logs_of(ilo)

    assert hits(secrets, logs) == []
    assert [hit for text in told.refusals if (hit := hits(secrets, text))] == []
    # There was something to look through.
    assert len(told.refusals) > 60
    assert "| DEBUG]" in logs
    assert name in logs
    # The search finds what is there, and the secrets are kept as hashes only.
    kept = (ilo.data_dir / "ilo.db").read_bytes().decode("latin-1")
    del secrets["message"]
    assert MESSAGE in kept
    assert hits(secrets, kept) == []


async def test_what_tells_a_secret_is_made_to_hide_it(tmp_path: Path) -> None:
    async with logging_all(tmp_path, [*FAULTY, "tells-secrets"]) as (ilo, client):
        made = await go_through_rest(client, Told())
        await go_through_relay(client, made, Told())
    made.pop("name")

    assert "asked with" in logs_of(ilo)
    assert hits({**made, "message": MESSAGE}, logs_of(ilo)) == []


async def test_with_nothing_taken_out_the_secrets_are_found(tmp_path: Path) -> None:
    async with logging_all(tmp_path, [*FAULTY, "tells-all"]) as (ilo, client):
        made = await go_through_rest(client, Told())
        await go_through_relay(client, made, Told())
    found = hits({**made, "message": MESSAGE}, logs_of(ilo))

    assert {"session token", "ticket", "message"} <= set(found)
