"""Register, log in, log out, and whose folder this is."""

from urllib.parse import urlsplit

from ilo_client import Ilo, NotLoggedIn
from ilo_client.server import Server

from ilo_chat.context import Context
from ilo_chat.problems import CommandRefused
from ilo_chat.progress import progress
from ilo_chat.screen import Style, Styled, name
from ilo_chat.secrets import API_KEY, PASSPHRASE, PASSWORD, agrees, given_secret, secret


async def register(context: Context) -> int:
    options = context.options
    warn_of_clear_text(context)
    password = secret(options, PASSWORD, is_new=True)
    is_new = context.home().keys() is None
    passphrase = secret(options, PASSPHRASE, is_new=is_new)
    async with progress(context.output, is_slow=True) as tell:
        ilo = await Ilo.register(
            options.url,
            options.username,
            password,
            home=context.home(),
            passphrase=passphrase,
            api_key=given_secret(options, API_KEY),
            progress=tell,
            tls=context.tls(),
        )
    async with ilo:
        welcome(context, ilo, "You are registered and logged in")
    return 0


async def login(context: Context) -> int:
    options = context.options
    warn_of_clear_text(context)
    if options.new_keys and not agrees(
        options,
        "With new keys everybody will be warned, and what was encrypted for the old ones is lost"
        " to this folder. Make new keys?",
    ):
        raise CommandRefused("not-confirmed", "nothing was changed")
    password = secret(options, PASSWORD)
    makes_keys = options.new_keys or context.home().keys() is None
    passphrase = secret(options, PASSPHRASE, is_new=makes_keys)
    async with progress(context.output, is_slow=True) as tell:
        ilo = await Ilo.login(
            options.url,
            options.username,
            password,
            home=context.home(),
            passphrase=passphrase,
            api_key=given_secret(options, API_KEY),
            progress=tell,
            tls=context.tls(),
            new_keys=options.new_keys,
        )
    async with ilo:
        welcome(context, ilo, "You are logged in")
    return 0


def warn_of_clear_text(context: Context) -> None:
    """Warn of a URL over which anybody on the way reads the password."""
    parts = urlsplit(context.options.url)
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        context.output.note(
            Styled("http:// shows your password to everybody on the way: https://", Style.WARNING)
        )


def welcome(context: Context, ilo: Ilo, words: str) -> None:
    """Say who is in now, and where their keys are; warn when they are not those of the server."""
    context.output.say(words, " as ", Styled(name(ilo.username), Style.BOLD), ".")
    context.output.say("Your keys are in ", str(ilo.home.folder), ".")
    context.output.give(
        {
            "username": ilo.username,
            "api_url": ilo.api_url,
            "home": str(ilo.home.folder),
            "is_my_card": ilo.is_my_card,
        }
    )
    if not ilo.is_my_card:
        context.output.note(
            Styled(
                "the server shows other keys for you than those in this folder: others"
                " cannot read you here, and you cannot read them. Restore the backup of the"
                " others, or `ilo-chat login --new-keys`",
                Style.WARNING,
            )
        )


async def logout(context: Context) -> int:
    """Needs no keys, so no passphrase."""
    home = context.home()
    session = home.session()
    if session is None or session.token is None:
        raise NotLoggedIn
    server = Server(session.api_url, session.token, context.tls())
    elsewhere: bool = context.options.elsewhere
    try:
        await server.log_out(elsewhere=elsewhere)
    except NotLoggedIn:
        if elsewhere:
            raise
    finally:
        await server.close()
    if not elsewhere:
        home.keep_session(session.logged_out())
    context.output.say("Logged out", " everywhere else." if elsewhere else ".")
    context.output.give({"username": session.username, "elsewhere": elsewhere})
    return 0


async def whoami(context: Context) -> int:
    home = context.home()
    session = home.session()
    if session is None:
        raise NotLoggedIn
    is_in = session.token is not None
    context.output.say(Styled(name(session.username), Style.BOLD), " at ", session.api_url)
    context.output.say(
        f"logged in until {session.expires_at}" if is_in else "logged out: `ilo-chat login`"
    )
    context.output.say("folder: ", str(home.folder))
    context.output.give(
        {
            "username": session.username,
            "api_url": session.api_url,
            "home": str(home.folder),
            "is_logged_in": is_in,
            "expires_at": session.expires_at,
            "has_keys": home.keys() is not None,
        }
    )
    return 0
