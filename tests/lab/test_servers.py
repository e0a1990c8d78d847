"""Every server of the lab is what its line says, asked by clients that are not the lab's."""

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from OpenSSL import SSL

from lab import estate, servers
from lab.manifest import Line, Manifest
from tests.lab import judge
from tests.lab.clients import Answer, chain_by_hand, leaf_by_ssl, s_client, sha256

RSA_ONLY = "rsa_pss_rsae_sha256:RSA+SHA256"
UNUSUAL = {"mldsa65", "huge_chain"}  # openssl 3.0 reads neither; each has a test of its own


@pytest.fixture(scope="module")
def lab() -> Iterator[Manifest]:
    with servers.running(seed=11) as manifest:
        yield manifest


@pytest.fixture(scope="module")
def answers(lab: Manifest) -> dict[str, tuple[Line, Answer]]:
    """What comes from every line that serves something openssl can read, and the huge one."""
    lines = [line for line in lab.lines if line.outcome == "served" and line.kind not in UNUSUAL]
    huge = only(lab, "huge_chain")
    by_hand = {where(huge): (huge, Answer(tuple(chain_by_hand(huge)), "TLSv1.2", refused=False))}
    with ThreadPoolExecutor(4) as pool:
        return by_hand | {where(line): (line, got) for line, got in zip(lines, pool.map(s_client, lines), strict=True)}


def where(line: Line) -> str:
    return f"{line.kind} {line.address}:{line.port} {line.server_name}"


def connect(line: Line) -> socket.socket:
    return socket.create_connection((line.address, line.port), timeout=5)


def only(lab: Manifest, kind: str) -> Line:
    (line,) = lab.of(kind)[:1]
    return line


def test_sixty_endpoints_hold_every_kind(lab: Manifest) -> None:
    assert len(lab.lines) == 60
    assert {line.kind for line in lab.lines} == set(estate.KINDS)


def test_every_leaf_and_every_chain_is_the_one_of_the_manifest(
    answers: dict[str, tuple[Line, Answer]],
) -> None:
    got = {place: tuple(map(sha256, answer.chain)) for place, (_, answer) in answers.items()}
    assert got == {place: line.chain for place, (line, _) in answers.items()}
    assert all(line.leaf_sha256 == answer.leaf_sha256 for line, answer in answers.values())


@pytest.mark.filterwarnings("ignore:Parsed a serial number which wasn't positive")
def test_every_line_names_all_the_faults_that_an_independent_judge_finds(
    lab: Manifest, answers: dict[str, tuple[Line, Answer]]
) -> None:
    root = x509.load_pem_x509_certificate(lab.root_pem.encode())
    between = judge.shared(answers)
    found = {place: judge.faults(*pair, root) | between[place] for place, pair in answers.items()}
    for place, (line, _) in answers.items():
        if "rsa" in line.variants:
            found[place] |= judge.faults(line, s_client(line, "-sigalgs", RSA_ONLY), root)
    assert found == {place: set(line.faults) for place, (line, _) in answers.items()}


def test_all_fault_codes_occur(lab: Manifest) -> None:
    assert len({fault for line in lab.lines for fault in line.faults}) == 15


@pytest.mark.parametrize(
    ("kind", "spoken"),
    [("tls10", "TLSv1"), ("tls11", "TLSv1.1"), ("tls12", "TLSv1.2"), ("tls13", "TLSv1.3")],
)
def test_a_server_of_one_version_refuses_the_others(lab: Manifest, kind: str, spoken: str) -> None:
    versions = {"TLSv1": "-tls1", "TLSv1.1": "-tls1_1", "TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}
    answered = {name for name, flag in versions.items() if s_client(only(lab, kind), flag).chain}
    assert answered == {spoken}


@pytest.mark.parametrize(("variant", "cipher"), [("rsa", "aRSA"), ("ecdsa", "aECDSA")])
def test_a_dual_server_shows_the_certificate_that_the_client_can_verify(
    lab: Manifest, variant: str, cipher: str
) -> None:
    line = only(lab, "dual")
    assert leaf_by_ssl(line, cipher, ssl.TLSVersion.TLSv1_2) == line.variants[variant]
    assert len(set(line.variants.values())) == 2


def test_a_server_that_needs_a_name_answers_none_without_it(lab: Manifest) -> None:
    asked, unasked = lab.of("sni_required")
    assert s_client(asked).leaf_sha256 == asked.leaf_sha256
    assert s_client(unasked) == Answer((), s_client(unasked).protocol, refused=True)
    assert unasked.outcome == "handshake_failed"


def test_several_names_on_one_port_have_a_certificate_each(lab: Manifest) -> None:
    lines = lab.of("by_sni")
    assert len({(line.address, line.port) for line in lines}) == 1
    assert len({line.leaf_sha256 for line in lines}) == 3


def test_ml_dsa_is_served_to_who_offers_it(lab: Manifest) -> None:
    line = only(lab, "mldsa65")
    with connect(line) as raw:
        raw.settimeout(None)  # pyOpenSSL wants a socket that waits
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), raw)
        client.set_connect_state()
        client.do_handshake()
        leaf = client.get_peer_certificate(as_cryptography=True)
    assert leaf is not None
    assert leaf.fingerprint(hashes.SHA256()).hex() == line.leaf_sha256


def test_the_huge_chain_is_larger_than_openssl_takes(lab: Manifest) -> None:
    line = only(lab, "huge_chain")
    chain = chain_by_hand(line)
    assert tuple(map(sha256, chain)) == line.chain
    assert sum(map(len, chain)) > 102_400
    assert s_client(line).chain == ()
    assert line.outcome == "too_large"


def test_a_server_that_wants_a_client_certificate_shows_its_own_and_refuses(lab: Manifest) -> None:
    answer = s_client(only(lab, "client_certificate_tls12"))
    assert answer.chain
    assert answer.refused


def test_nodes_of_one_name_share_the_port_and_one_is_left_behind(lab: Manifest) -> None:
    lines = lab.of("nodes")
    assert len({line.port for line in lines}) == len({line.service for line in lines}) == 1
    assert len({line.address for line in lines}) == 3
    assert len({line.leaf_sha256 for line in lines}) == 2


def test_a_tarpit_says_nothing(lab: Manifest) -> None:
    with connect(only(lab, "tarpit")) as raw:
        raw.sendall(b"\x16\3\1\0\5hello")
        raw.settimeout(1)
        with pytest.raises(TimeoutError):
            raw.recv(1)


def test_three_hundred_clients_in_a_tarpit_stop_nobody(lab: Manifest) -> None:
    stuck = [connect(only(lab, "tarpit")) for _ in range(300)]
    started = time.monotonic()
    leaf = leaf_by_ssl(only(lab, "in_date"))
    for raw in stuck:
        raw.close()
    assert leaf == only(lab, "in_date").leaf_sha256
    assert time.monotonic() - started < 5


def test_a_slow_server_drips_a_true_flight(lab: Manifest) -> None:
    line = only(lab, "slow_drip")
    with connect(line) as raw:
        raw.sendall(clienthello(line))
        got = [raw.recv(100) for _ in range(3)]
    assert got == [b"\x16", b"\x03", b"\x03"]


def clienthello(line: Line) -> bytes:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    tls = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=line.server_name)
    with pytest.raises(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


def test_an_early_close_comes_instead_of_an_answer(lab: Manifest) -> None:
    line = only(lab, "early_close")
    with connect(line) as raw:
        raw.sendall(clienthello(line))
        assert raw.recv(1) == b""


@pytest.mark.parametrize(("kind", "start"), [("http", b"HTTP/1.1 400"), ("ssh", b"SSH-2.0-")])
def test_other_protocols_answer_in_their_own_words(lab: Manifest, kind: str, start: bytes) -> None:
    line = only(lab, kind)
    with connect(line) as raw:
        raw.sendall(clienthello(line))
        assert raw.recv(1000).startswith(start)


def test_a_browser_gets_a_page(lab: Manifest) -> None:
    line = only(lab, "in_date")
    context = ssl.create_default_context(cadata=lab.root_pem)
    with connect(line) as raw, context.wrap_socket(raw, server_hostname=line.server_name) as tls:
        tls.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert tls.recv(1000).startswith(b"HTTP/1.0 200")


def test_the_certificates_verify_under_the_root_beside_the_manifest(lab: Manifest) -> None:
    line = only(lab, "in_date")
    context = ssl.create_default_context(cadata=lab.root_pem)
    with connect(line) as raw, context.wrap_socket(raw, server_hostname=line.server_name) as tls:
        assert tls.getpeercert()


def test_when_the_block_ends_nothing_is_left() -> None:
    before = threading.enumerate()
    with contextlib.ExitStack() as held:
        with servers.running(kinds=["in_date", "tarpit", "slow_drip"]) as manifest:
            clients = [held.enter_context(connect(line)) for line in manifest.lines]
            clients[2].sendall(clienthello(manifest.lines[2]))
            assert clients[2].recv(1) == b"\x16"
        assert threading.enumerate() == before
        assert [ended(client) for client in clients] == [True, True, True]
    for line in manifest.lines:
        with pytest.raises(ConnectionRefusedError):
            connect(line)


def ended(client: socket.socket) -> bool:
    try:
        return client.recv(1) == b""
    except ConnectionResetError:
        return True


def test_an_error_in_the_block_ends_the_lab_too() -> None:
    with pytest.raises(KeyError), servers.running(kinds=["in_date"]) as manifest:
        raise KeyError
    with pytest.raises(ConnectionRefusedError):
        connect(manifest.lines[0])


def test_two_labs_stand_side_by_side() -> None:
    kinds = ["in_date", "nodes", "smtp"]
    with servers.running(kinds=kinds) as one, servers.running(kinds=kinds) as other:
        places = [(line.address, line.port) for line in (*one.lines, *other.lines)]
        assert len(set(places)) == len(places)
        assert len({line.port for line in other.of("nodes")}) == 1
        assert leaf_by_ssl(other.lines[0]) == other.lines[0].leaf_sha256


def test_sixty_endpoints_stand_within_seconds() -> None:
    started = time.monotonic()
    with servers.running(seed=12) as manifest:
        needed = time.monotonic() - started
    assert len(manifest.lines) == 60
    assert needed < 15  # two on an idle machine, most of it for one RSA key
