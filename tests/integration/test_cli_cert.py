"""`ilo cert` makes the certificate that the documents promise, and TLS works with it."""

import socket
import ssl
import stat
import threading
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from ilo.cli import main
from ilo.settings import TlsSettings, load_settings


def make(folder: Path, *flags: str) -> TlsSettings:
    assert main(["cert", "--folder", str(folder), *flags]) == 0
    return TlsSettings(folder / "localhost.crt", folder / "localhost.key")


def test_it_is_what_the_documents_say(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tls = make(tmp_path)
    certificate = x509.load_pem_x509_certificate(tls.certificate.read_bytes())
    key = load_pem_private_key(tls.key.read_bytes(), password=None)
    extensions = certificate.extensions
    names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    usage = extensions.get_extension_for_class(x509.KeyUsage).value
    now = datetime.now(UTC)  # noqa: TID251  # it was made a moment ago

    assert capsys.readouterr().out == f"tls_certificate: {tls.certificate}\ntls_key: {tls.key}\n"
    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size == 2048
    assert key.public_key() == certificate.public_key()
    assert certificate.subject.rfc4514_string() == "CN=localhost"
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert names.get_values_for_type(x509.IPAddress) == [
        ip_address("127.0.0.1"),
        ip_address("::1"),
    ]
    assert usage.digital_signature
    assert not usage.key_cert_sign
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        ExtendedKeyUsageOID.SERVER_AUTH
    ]
    assert certificate.not_valid_before_utc < now < certificate.not_valid_after_utc
    assert stat.S_IMODE(tls.key.stat().st_mode) == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"localhost.crt", "localhost.key"}


@pytest.mark.parametrize("there", ["localhost.crt", "localhost.key"])
def test_it_replaces_nothing_without_force(
    tmp_path: Path, there: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / there).write_text("mine")

    refused = main(["cert", "--folder", str(tmp_path)])

    assert refused == 1
    assert capsys.readouterr().err == (
        f"ilo: {tmp_path / there}: is there already; --force replaces it\n"
    )
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [(there, "mine")]
    make(tmp_path, "--force")
    assert (tmp_path / there).read_text() != "mine"
    assert stat.S_IMODE((tmp_path / "localhost.key").stat().st_mode) == 0o600


def serve_once(tls: TlsSettings, listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        try:
            with tls.server_context().wrap_socket(connection, server_side=True) as secured:
                secured.sendall(b"hello")
        except (ssl.SSLError, ConnectionError):
            return  # what the client thinks of it is what is looked at


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1"])
def test_a_client_that_trusts_it_gets_through_by_each_name(tmp_path: Path, name: str) -> None:
    tls = make(tmp_path)
    client = ssl.create_default_context(cafile=tls.certificate)
    client.verify_flags |= ssl.VERIFY_X509_STRICT  # the default from Python 3.13 on

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve_once, args=(tls, listener))
        server.start()
        with (
            socket.create_connection(listener.getsockname(), timeout=5) as plain,
            client.wrap_socket(plain, server_hostname=name) as secured,
        ):
            assert secured.recv(5) == b"hello"
            assert secured.version() in ("TLSv1.2", "TLSv1.3")
        server.join()


def test_old_tls_is_refused(tmp_path: Path) -> None:
    tls = make(tmp_path)

    assert tls.server_context().minimum_version == ssl.TLSVersion.TLSv1_2


def test_the_settings_take_it_and_refuse_a_wrong_pair(tmp_path: Path) -> None:
    tls = make(tmp_path)
    config = tmp_path / "general_config.yaml"
    config.write_text("tls_certificate: localhost.crt\ntls_key: localhost.key\n")
    settings = load_settings(tmp_path)

    assert settings.tls == tls
    assert settings.api_origin == "https://127.0.0.1:7999"
    assert settings.relay_url == "wss://127.0.0.1:4000"
    assert main(["config", "check", str(config)]) == 0


def test_a_wrong_pair_an_encrypted_key_and_an_open_key_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    make(other)
    config = tmp_path / "general_config.yaml"
    config.write_text("tls_certificate: localhost.crt\ntls_key: other/localhost.key\n")
    capsys.readouterr()

    assert main(["config", "check", str(config)]) == 1
    assert f"{config}: tls_certificate: must be, with tls_key, " in capsys.readouterr().err
    config.write_text("tls_certificate: localhost.crt\ntls_key: localhost.key\n")
    (tmp_path / "localhost.key").chmod(0o644)
    assert main(["config", "check", str(config)]) == 1
    assert f"{config}: tls_key: others may read" in capsys.readouterr().err
