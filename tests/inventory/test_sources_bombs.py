"""Files that were made to hurt: they cost no more than their size, and each ends in a sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import struct
import tarfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace

import pytest
from asn1crypto import pkcs12 as asn1
from hypothesis import example, given, settings
from hypothesis import strategies as st

from inventory.sources import Budget, opener, read_file
from inventory.sources.value import MIB
from tests.inventory.brought import found_in, leaf, pkcs12, told

PEM = leaf(1).pem.encode()


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def tarred(*members: tuple[str, bytes, bytes]) -> bytes:
    """Name, content, and kind of each."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd" if kind != tarfile.REGTYPE else ""
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


FOLDER = tarred(("site/one.pem", PEM, tarfile.REGTYPE), ("d" * 150 + "/" + "n" * 150, PEM, tarfile.REGTYPE))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress, lzma.compress])
def test_certificates_in_a_tar_are_found_however_it_is_packed(pack: Callable[[bytes], bytes]) -> None:
    assert [found.path for found in found_in(pack(FOLDER)) if found.der] == [
        "site/one.pem",
        "d" * 150 + "/" + "n" * 150,
    ]


def test_archives_in_archives_show_the_whole_path_and_end_somewhere() -> None:
    data, last = PEM, told(found_in(PEM))
    for depth in range(5):
        data = zipped(**{f"{depth}": data})
        last = told(found_in(data))
        if depth < 3:
            assert last == [("/".join(str(at) for at in range(depth, -1, -1)), 0, "taken")]
    assert last == [("4/3/2", 0, "Archives lie too deep in each other here.")]


def test_links_devices_and_names_that_lead_elsewhere_are_refused_beside_good_members() -> None:
    data = tarred(
        ("link", b"", tarfile.SYMTYPE),
        ("hard", b"", tarfile.LNKTYPE),
        ("null", b"", tarfile.CHRTYPE),
        ("pipe", b"", tarfile.FIFOTYPE),
        ("../../etc/cron.d/x", PEM, tarfile.REGTYPE),
        ("/root/x.pem", PEM, tarfile.REGTYPE),
        ("C:\\x.pem", PEM, tarfile.REGTYPE),
        ("good.pem", PEM, tarfile.REGTYPE),
    )
    assert [(path, reason) for path, _, reason in told(found_in(data))] == [
        ("link", "It is a symbolic link, not a file."),
        ("hard", "It is a link, not a file."),
        ("null", "It is a device, not a file."),
        ("pipe", "It is a pipe, not a file."),
        ("../../etc/cron.d/x", "Its name leads out of the archive."),
        ("/root/x.pem", "Its name is an absolute path."),
        ("C:\\x.pem", "Its name is an absolute path."),
        ("good.pem", "taken"),
    ]


def test_a_zip_refuses_links_and_what_it_cannot_unpack_safely() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
        archive.writestr("packed.pem", PEM, zipfile.ZIP_LZMA)
        archive.writestr("../up.pem", PEM)
        archive.writestr("good.pem", PEM)
    assert [reason for _, _, reason in told(found_in(out.getvalue()))] == [
        "It is a link or a device, not a file.",
        "It is packed by a method that is not taken here; deflate is.",
        "Its name leads out of the archive.",
        "taken",
    ]


def bzip2_bomb() -> bytes:
    return bz2.compress(bytes(40 * MIB), 1)


@pytest.mark.parametrize(
    "bomb",
    [
        gzip.compress(bytes(40 * MIB), 1),
        bzip2_bomb(),
        lzma.compress(bytes(40 * MIB), preset=0),
        zipped(bomb=bytes(40 * MIB)),
        gzip.compress(tarred(("bomb", bytes(40 * MIB), tarfile.REGTYPE)), 1),
        zipped(bomb=gzip.compress(bytes(40 * MIB), 1)),
    ],
)
def test_what_unpacks_to_far_more_than_it_is_ends_the_reading(bomb: bytes) -> None:
    assert told(found_in(bomb))[-1][2] == "It unpacks to more than 200 times its size; the rest was not read."


def test_budgets_hold_for_all_archives_of_an_upload_together() -> None:
    noise = os.urandom(MIB)
    budget = replace(Budget(), inflated=3 * MIB + MIB // 2)
    found = list(read_file(zipped(**{str(at): noise for at in range(5)}), budget))
    assert [each.reason for each in found][-1] == "It unpacks to more than 256 MiB; the rest was not read."
    assert len(found) == 4
    many = list(read_file(zipped(**{f"{at}.pem": PEM for at in range(5)}), replace(Budget(), members=3)))
    assert [each.reason for each in many] == [
        "", "", "", "There are more than 20,000 files in it; the rest was not read."
    ]  # fmt: skip


def test_a_zip_whose_members_lie_on_top_of_each_other_is_refused_as_a_whole() -> None:
    """One packed member that the directory names a thousand times would be a thousand files."""
    one = zipped(a=PEM)
    at = one.rindex(b"PK\5\6")
    begin = int.from_bytes(one[at + 16 : at + 20], "little")
    names = one[begin:at] * 1000
    end = struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1000, 1000, len(names), begin, 0)
    (refused,) = found_in(one[:begin] + names + end)
    assert refused.reason.startswith("Its members lie on top of each other")


def test_a_directory_of_a_zip_that_would_fill_the_memory_is_not_read() -> None:
    lying = bytearray(zipped(a=PEM))
    at = lying.rfind(b"PK\5\6")
    lying[at + 12 : at + 16] = (5 * MIB).to_bytes(4, "little")
    assert told(found_in(bytes(lying))) == [("", 0, "The ZIP archive names more files than an import may hold.")]


def test_a_tar_header_that_promises_eight_gigabytes_reads_no_more_than_is_there() -> None:
    info = tarfile.TarInfo("huge")
    info.size = 8 * 2**30
    assert told(found_in(info.tobuf(tarfile.GNU_FORMAT) + PEM)) == [("huge", 0, "It is larger than 128 MiB.")]
    info.type = tarfile.XHDTYPE
    assert found_in(info.tobuf(tarfile.GNU_FORMAT) + PEM)[-1].der is None


@pytest.mark.parametrize(
    "text",
    [
        b"-----BEGIN CERTIFICATE-----\n" * 16_000,  # 448 kB: a lazy regular expression takes two minutes
        b"-----BEGIN " * 40_000,
        b"-----BEGIN CERTIFICATE-----\n" + b"-----END " * 50_000,
        b"-" * 500_000,
        b"-----BEGIN CERTIFICATE-----\n:" + b"\n" * 500_000,
    ],
)
def test_hostile_pem_costs_no_more_than_its_length(text: bytes) -> None:
    started = time.process_time()
    assert len(found_in(text)) == 1
    assert time.process_time() - started < 1


def test_certificates_after_a_pem_bomb_are_found() -> None:
    bomb, good = found_in(b"-----BEGIN CERTIFICATE-----\n" * 1000 + PEM)
    assert bomb.reason == "1,000 BEGIN lines have no END line."
    assert good.der == leaf(1).der


def with_rounds(rounds: int) -> bytes:
    pfx = asn1.Pfx.load(pkcs12("word"))
    pfx["mac_data"]["iterations"] = rounds
    return bytes(pfx.dump(force=True))


def test_pkcs12_that_asks_for_millions_of_rounds_is_refused_before_any_is_done() -> None:
    (found,) = found_in(with_rounds(50_000_000), "word")
    assert "rounds of key derivation; 1,000,000 are the most." in found.reason


def test_a_child_that_takes_too_much_is_ended_and_that_is_a_sentence() -> None:
    assert [each.reason for each in read_file(pkcs12("word"), Budget(password="word", one_seconds=0.01))] == [
        "Opening it takes more work or memory than any honest file asks for."
    ]


GOOD = [FOLDER[:3000], gzip.compress(FOLDER), zipped(a=PEM, b=PEM), PEM * 2, leaf(1).der * 2]


_MAGIC = [b"PK\3\4", b"PK\5\6", b"\x1f\x8b\x08\0", b"BZh9", b"\xfd7zXZ\0", b"0\x82\1\0", b"0\x80\6\x09", b"-----BEGIN "]
_TAIL = st.binary(max_size=600)


@settings(max_examples=150, deadline=None)
@given(st.one_of(_TAIL, st.builds(bytes.__add__, st.sampled_from(_MAGIC), _TAIL)))
@example(b"0\x80" * 40)
def test_any_bytes_end_in_an_outcome(data: bytes) -> None:
    found = found_in(data)
    assert found
    assert all((each.der is None) == bool(each.reason) for each in found)


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from([FOLDER[:3000], gzip.compress(FOLDER), zipped(a=PEM, b=PEM), PEM * 2, leaf(1).der * 2]), st.data()
)
def test_a_good_file_with_some_bytes_changed_ends_in_an_outcome(good: bytes, draw: st.DataObject) -> None:
    data = bytearray(good)
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1), max_size=8)):
        data[at] = draw.draw(st.integers(0, 255))
    assert found_in(bytes(data[: draw.draw(st.integers(1, len(data)))]))


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_a_pkcs12_with_some_bytes_changed_ends_in_an_outcome(draw: st.DataObject) -> None:
    """In this process, where each failure would be seen."""
    data = bytearray(_PLAIN)
    for at in draw.draw(st.lists(st.integers(0, len(data) - 1), min_size=1, max_size=8)):
        data[at] = draw.draw(st.integers(0, 255))
    opener.open_pkcs12(bytes(data), "")


_PLAIN = pkcs12()
