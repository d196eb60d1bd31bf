"""TLS of a link: which authority is trusted, and what a failed handshake means."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from dialer_engine.domain.errors import TlsRefused


@dataclass(frozen=True, slots=True)
class AmiTls:
    """TLS for a link. `ca_file` None trusts the system's authorities; `server_name` None checks
    against the host."""

    ca_file: Path | None = None
    verify: bool = True
    server_name: str | None = None

    def context(self) -> ssl.SSLContext:
        """A client context. Raises `TlsRefused` if the CA file cannot be read."""
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
        except (OSError, ssl.SSLError) as error:
            raise TlsRefused(f"the CA file cannot be read: {error}") from error
        # Python 3.13 made this a default, and with it refuses the CA that Asterisk's own script makes
        # (contrib/scripts/ast_tls_cert: no key usage). It is about form; trust and name stay checked.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


def client_side(tls: AmiTls | None, host: str) -> tuple[ssl.SSLContext | None, str | None]:
    """The context and the server name for a connection to `host`; nothing of both without TLS."""
    return (None, None) if tls is None else (tls.context(), tls.server_name or host)


def tls_refusal(error: ssl.SSLError) -> TlsRefused:
    """The refusal to tell the operator, from the library's error."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TlsRefused(f"the PBX's certificate does not hold: {error.verify_message}")
    return TlsRefused(
        f"the PBX's port did not agree on TLS ({error.reason}); is it the TLS port (5039)?"
    )
