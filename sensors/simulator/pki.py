"""Self-signed certificates of the box, the PLC and the gateway, for demonstrations and tests.

A real plant brings its own. OPC UA wants the application's URI in the subject's alternative names
(OPC 10000-6, 6.2.2), and peers check it against what the application says of itself.
"""

import datetime
import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

APPLICATION_URIS = {
    "box": "urn:edge:verdict",  # sensors.wiring.OpcUaLink.application_uri
    "plc": "urn:edge:simulator:plc",
    "gateway": "urn:edge:simulator:gateway",
}
_VALID_DAYS = 30


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an application says it is, and how it proves it."""

    application_uri: str
    certificate_file: Path  # PEM
    key_file: Path  # PEM


def make_identity(folder: Path, name: str, application_uri: str) -> Identity:
    """A fresh 2048 bit RSA key and its self-signed certificate, as `NAME.pem`, `NAME-key.pem`."""
    folder.mkdir(parents=True, exist_ok=True)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    identity = Identity(application_uri, folder / f"{name}.pem", folder / f"{name}-key.pem")
    _write_secret(
        identity.key_file,
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ),
    )
    certificate = _certificate(key, name, application_uri)
    identity.certificate_file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return identity


def make_plant_identities(folder: Path) -> dict[str, Identity]:
    """The identities of a whole plant: `box`, `plc` and `gateway`."""
    return {name: make_identity(folder, name, uri) for name, uri in APPLICATION_URIS.items()}


def application_uri(certificate: x509.Certificate) -> str | None:
    """The application's URI that a certificate vouches for."""
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    return uris[0] if uris else None


def _write_secret(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(content)


def _certificate(key: rsa.RSAPrivateKey, name: str, uri: str) -> x509.Certificate:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COMMON_NAME, f"{name} (simulated plant)"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "edge-verdict"),
        ]
    )
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(minutes=5))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(x509.SubjectAlternativeName(_names(uri)), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_KEY_USAGE, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(
                [ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH]
            ),
            critical=False,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return builder.sign(key, hashes.SHA256())


def _names(uri: str) -> list[x509.GeneralName]:
    hosts = dict.fromkeys(["localhost", socket.gethostname()])
    return [
        x509.UniformResourceIdentifier(uri),
        *(x509.DNSName(host) for host in hosts),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]


# all of these are demanded of a self-signed application certificate, OPC 10000-6, 6.2.2
_KEY_USAGE = x509.KeyUsage(
    digital_signature=True,
    content_commitment=True,
    key_encipherment=True,
    data_encipherment=True,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=False,
    encipher_only=False,
    decipher_only=False,
)
