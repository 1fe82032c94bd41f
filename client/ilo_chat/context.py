"""What every command has: its options, where it writes, and who is logged in."""

import ssl
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from ilo_client import Home, Ilo, NoKeys, NotLoggedIn

from ilo_chat.output import Output
from ilo_chat.progress import progress
from ilo_chat.secrets import PASSPHRASE, secret


@dataclass(frozen=True, slots=True)
class Context:
    """One command that is run."""

    options: Namespace
    output: Output

    def home(self) -> Home:
        return Home(self.options.home)

    def tls(self) -> ssl.SSLContext | None:
        """Return how to know the server, where the system does not."""
        file = self.options.ca
        return None if file is None else ssl.create_default_context(cafile=file)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Ilo]:
        """Give the person whose folder this is.

        Raises:
            NotLoggedIn: nobody is logged in here; found out before a passphrase is asked for.
            NoKeys: there are no keys here.
        """
        async with await self.open(self.passphrase()) as ilo:
            yield ilo

    def passphrase(self) -> str:
        home = self.home()
        session = home.session()
        if session is None or session.token is None:
            raise NotLoggedIn
        if home.keys() is None:
            raise NoKeys(session.username)
        return secret(self.options, PASSPHRASE)

    async def open(self, passphrase: str) -> Ilo:
        async with progress(self.output, is_slow=False) as tell:
            return await Ilo.open(self.home(), passphrase=passphrase, progress=tell, tls=self.tls())
