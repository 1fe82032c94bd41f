"""TLS to Cassandra: the certificate has to be of the authority that is named, and of the address.

What speaks TLS here is a proxy in front of a node that does not.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ilo.cassandra_options import CassandraOptions
from ilo.certificate import make_certificate, write_certificate
from ilo.settings import TlsSettings
from ilo.stores import cassandra_settings
from store.cassandra.connection import Connection
from store.cassandra.errors import NotReady
from tests.support.tcp_proxy import TcpProxy

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace

NOW = datetime.now(UTC)  # noqa: TID251  # a certificate is valid from now on


def certificate_in(folder: Path) -> tuple[Path, Path]:
    """Return a new certificate for localhost and 127.0.0.1, and its key."""
    folder.mkdir()
    return write_certificate(folder, make_certificate(NOW), force=False)


@asynccontextmanager
async def tls_in_front_of(keyspace: "Keyspace", certificate: Path, key: Path) -> AsyncIterator[int]:
    """Yield the port on 127.0.0.1 where TLS is spoken."""
    [address] = keyspace.contact_points
    proxy = TcpProxy(keyspace.port, address)
    tls = TlsSettings(certificate, key).server_context()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=tls)
    async with server:
        yield server.sockets[0].getsockname()[1]
        proxy.cut()


def connect(options: CassandraOptions) -> bool:
    connection = Connection.make(cassandra_settings(options))
    try:
        rows = connection.session.execute("SELECT release_version FROM system.local")
        return bool(list(rows))
    finally:
        connection.close()


async def test_the_named_authority_is_believed_and_no_other(
    keyspace: "Keyspace", tmp_path: Path
) -> None:
    certificate, key = certificate_in(tmp_path / "node")
    stranger, _ = certificate_in(tmp_path / "stranger")
    async with tls_in_front_of(keyspace, certificate, key) as port:
        options = [
            CassandraOptions(("127.0.0.1",), port, keyspace.name, tls_ca=ca)
            for ca in (certificate, stranger, None)
        ]
        known, *others = options

        assert await asyncio.to_thread(connect, known)
        for unknown in others:
            with pytest.raises(NotReady):
                await asyncio.to_thread(connect, unknown)
        with pytest.raises(NotReady, match=r"TLS with \S+ fails: CERTIFICATE_VERIFY"):
            await asyncio.to_thread(connect, others[0])


def test_the_address_has_to_be_in_the_certificate(tmp_path: Path) -> None:
    certificate, _ = certificate_in(tmp_path / "node")
    context = CassandraOptions(("127.0.0.1",), tls_ca=certificate).tls_context()

    assert context is not None
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
