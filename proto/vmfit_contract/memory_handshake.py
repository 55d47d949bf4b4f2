"""How OpenSSL judges a certificate, tried in memory: no peer and no network is needed."""

import ssl

from vmfit_contract.tls_files import TlsFiles

# Codes of X509_verify_cert. Source: openssl/x509_vfy.h
NOT_YET_VALID, EXPIRED, PURPOSE, OTHER_NAME, OTHER_ADDRESS = 9, 10, 26, 62, 64
UNKNOWN_AUTHORITY = frozenset((2, 18, 19, 20, 21, 24))

# Client hello, the server's answer, the client's certificate, the server's judgement.
_MESSAGES = 4


def judged(files: TlsFiles, *, as_server: bool) -> int:
    """Return the code by which a peer with the same authority judges a certificate; 0 for good.

    Raises OSError or ValueError for files that cannot be loaded.
    """
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_REQUIRED if as_server else ssl.CERT_NONE
    server.verify_mode = ssl.CERT_NONE if as_server else ssl.CERT_REQUIRED
    (client if as_server else server).load_verify_locations(files.authority)
    for context in (server, client):
        # Without a password OpenSSL would ask for one on the terminal.
        context.load_cert_chain(files.certificate, files.key, password="")
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(_MESSAGES):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return int(error.verify_code)
    return 0
