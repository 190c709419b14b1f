"""The certificate that a gateway in the house has signed itself."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
import ssl
from tempfile import TemporaryDirectory

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID


class Certificate:
    """A key and a certificate for `envoy.local`, new with every object."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "envoy.local")])
        begin = datetime(2020, 1, 1, tzinfo=UTC)
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(begin + timedelta(days=36500))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("envoy.local")]), critical=False)
            .sign(key, SHA256())
        )
        self.fingerprint = sha256(certificate.public_bytes(Encoding.DER)).hexdigest()
        """SHA-256 of the certificate, hex."""
        self._certificate = certificate.public_bytes(Encoding.PEM)
        self._key = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def context(self) -> ssl.SSLContext:
        """What a server shows it with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with TemporaryDirectory() as folder:
            path = Path(folder) / "gateway.pem"
            path.write_bytes(self._key + self._certificate)
            context.load_cert_chain(path)
        return context


# The library keeps the class of the first date that it meets; in a test whose clock is frozen that would be one which fits no other test.
Certificate()
