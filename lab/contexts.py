"""OpenSSL contexts as sites want them, made when somebody asks and forgotten when many are open."""

import tempfile
from collections import OrderedDict

from OpenSSL import SSL

from lab.pki import Issued
from lab.sites import Tls

# Level 0 of OpenSSL lets TLS 1.0, RSA-1024 and SHA-1 through, which is what a lab is for.
_CIPHERS = b"DEFAULT:@SECLEVEL=0"
_KEPT = 512  # at some 20 kB each


class Contexts:
    """The contexts used last."""

    def __init__(self) -> None:
        self._kept: OrderedDict[Tls, SSL.Context] = OrderedDict()

    def of(self, tls: Tls) -> SSL.Context:
        context = self._kept.pop(tls, None) or build(tls)
        self._kept[tls] = context
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return context


def build(tls: Tls) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_cipher_list(_CIPHERS)
    context.set_min_proto_version(tls.versions[0])
    context.set_max_proto_version(tls.versions[1])
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    for identity in tls.identities:
        _present(context, identity)
    if tls.client_certificate:
        context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, _anybody)
    if tls.by_name:
        _choose_by_name(context, {name: build(other) for name, other in tls.by_name.items()})
    return context


def _present(context: SSL.Context, identity: Issued) -> None:
    # By file: it is the way that takes every key type and bytes that `cryptography` warns about,
    # and it keeps one chain for each certificate.
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(identity.key_pem + identity.chain_pem)
        file.flush()
        context.use_certificate_chain_file(file.name)
        context.use_privatekey_file(file.name)


def _choose_by_name(context: SSL.Context, others: dict[str, SSL.Context]) -> None:
    def choose(connection: SSL.Connection) -> None:
        name = (connection.get_servername() or b"").decode("ascii", "replace").lower()
        if name in others:
            connection.set_context(others[name])

    context.set_tlsext_servername_callback(choose)


def _anybody(*_verification: object) -> bool:
    return True
