"""TLS to Cassandra: the certificate has to be of the authority that is named, and of the address.

What speaks TLS here is a proxy in front of a node that does not.
"""

import asyncio
import ssl
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ilo.cassandra_options import CassandraOptions
from ilo.settings import TlsSettings
from ilo.stores import cassandra_settings
from store.cassandra.connection import Connection
from store.cassandra.errors import NotReady
from tests.support.certificates import certificate_in
from tests.support.tcp_proxy import TcpProxy, proxy_to

if TYPE_CHECKING:
    from tests.support.cassandra.keyspaces import Keyspace


def tls_in_front_of(
    keyspace: "Keyspace", certificate: Path, key: Path
) -> AbstractAsyncContextManager[TcpProxy]:
    """Yield the proxy on 127.0.0.1 where TLS is spoken."""
    [address] = keyspace.contact_points
    tls = TlsSettings(certificate, key).server_context()
    return proxy_to(keyspace.port, address, tls=tls)


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
    async with tls_in_front_of(keyspace, certificate, key) as proxy:
        options = [
            CassandraOptions(("127.0.0.1",), proxy.port, keyspace.name, tls_ca=ca)
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
