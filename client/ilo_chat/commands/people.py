"""People: whose key is whose."""

from dataclasses import asdict
from typing import Final

from ilo_client import Ilo, MemberInfo, Person, spaced
from ilo_client.pins import State
from ilo_client.safety import in_rows

from ilo_chat.context import Context
from ilo_chat.problems import CommandRefused
from ilo_chat.screen import Part, Style, Styled, name
from ilo_chat.secrets import agrees

ACCEPT: Final = "`ilo-chat accept-key`"
_STATES: Final[dict[State, tuple[str, Style]]] = {
    "new": ("never met", Style.DIM),
    "seen": ("known, not verified", Style.DIM),
    "verified": ("verified", Style.GOOD),
    "changed": ("another key than before: see {}", Style.BAD),
    "no-card": ("has no valid key: nothing can be encrypted for them", Style.WARNING),
}


async def person(context: Context) -> int:
    async with context.opened() as ilo:
        found = await ilo.person(context.options.name)
        number = None
        if found.name != ilo.username and found.shown_kid is not None:
            number = await ilo.people.number_of(found)
    context.output.say(Styled(name(found.name), Style.BOLD), ": ", _state(found, ACCEPT))
    if number is not None:
        context.output.say("safety number: ", spaced(number))
    context.output.give({**asdict(found), "safety_number": number})
    return 0


def row_of(member: MemberInfo, me: str, *, accept: str = ACCEPT) -> tuple[Part, ...]:
    """Return the row of somebody in a list of members; ``accept`` is how to accept a key."""
    return (
        Styled(name(member.name), Style.BOLD),
        " (you)" if member.name == me else "",
        ", invited" if member.state == "invited" else "",
        ": ",
        _state(member.person, accept),
    )


def _state(person: Person, accept: str) -> Styled:
    words, style = _STATES[person.state]
    return Styled(words.format(accept), style)


async def verify(context: Context) -> int:
    async with context.opened() as ilo:
        found = await ilo.person(context.options.name)
        _see_that_it_is_somebody_else(ilo, found)
        if found.state == "changed":
            raise CommandRefused(
                "key-changed",
                f"{name(found.name)} has another key than before: `ilo-chat accept-key"
                f" {found.name}` shows its number, and comes first",
            )
        number = await ilo.people.number_of(found)
        show_number(context, found, number)
        if not agrees(context.options, "Are the digits that they see the same?"):
            raise CommandRefused(
                "not-the-same",
                "not verified. If the digits differ, somebody may stand between you: say nothing"
                " that matters",
            )
        now = await ilo.verify(found.name, found.kid)
    context.output.say(name(found.name), " is ", Styled("verified", Style.GOOD), ".")
    context.output.give({**asdict(now), "safety_number": number})
    return 0


async def accept_key(context: Context) -> int:
    async with context.opened() as ilo:
        found = await ilo.person(context.options.name)
        _see_that_it_is_somebody_else(ilo, found)
        if found.state != "changed" or found.new_kid is None:
            raise CommandRefused(
                "not-accepted", f"there is no new key of {name(found.name)} to accept"
            )
        number = await ilo.people.number_of(found)
        show_number(context, found, number)
        if not agrees(context.options, "Accept the new key?"):
            raise CommandRefused("not-confirmed", "the new key is not accepted; nothing is sent")
        now = await ilo.accept_key(found.name, found.new_kid)
    context.output.say(
        f"The new key of {name(found.name)} is accepted; `ilo-chat verify {found.name}` when you"
        " have compared it."
    )
    context.output.give({**asdict(now), "safety_number": number})
    return 0


def _see_that_it_is_somebody_else(ilo: Ilo, found: Person) -> None:
    if found.name == ilo.username:
        raise CommandRefused("yourself", "that is you: there is nothing to compare")


def show_number(context: Context, person: Person, number: str) -> None:
    """Show the 60 digits, and how to compare them."""
    say = context.output.say
    say("The safety number of you and ", Styled(name(person.name), Style.BOLD), ":")
    for row in in_rows(number):
        say("  ", Styled(" ".join(row), Style.BOLD))
    say(f"Let {name(person.name)} look at it on their side (`ilo-chat verify` with your name), and")
    say("read it to each other in person or on the phone: not here.")
