"""One estate that arrives by four ways: a scan of the lab, a certbot tree, a PKCS#12 with a password, a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import BestAvailableEncryption
from cryptography.hazmat.primitives.serialization.pkcs12 import serialize_key_and_certificates
from django.core.management import call_command
from django.db.models import Model

from accounts.models import Team, User
from discovery.probe import Place
from discovery.services import save_network, start_listed_scan
from inventory.models import Certificate, Endpoint, Import
from inventory.services.importing import map_columns, store_import
from lab import estate, servers
from lab.manifest import Manifest
from lab.pki import Authority, Issued
from tests.discovery.scanning import clock, run_all
from tests.inventory.brought import bring, worked

# Without RSA keys, the same lab is made of the same certificates each time.
KINDS = (
    "in_date",
    "expiring",
    "expired",
    "nodes",
    "self_signed",
    "by_sni",
    "key_reuse",
    "ip_san",
    "idn",
    "early_close",
)
PORTS = 28_000
PASSWORD = "a word for the file"
ROWS = 500
HEADINGS = ("Host", "Port", "Team", "Owner", "Application", "Environment", "Notes", "Tags", "Serial", "Certificate")
# Not served by anybody; names under the domain of team Web, of which rules speak.
UNSERVED = Authority.make("Example Root of the desk")
ON_DISK = UNSERVED.issue(["disk.web.example.com"])
IN_FILE = UNSERVED.issue(["file.example.net"])
IN_CELL = UNSERVED.issue(["cell.example.net"])
BY_SERIAL = UNSERVED.issue(["serial.example.net"])


@dataclass(frozen=True)
class Lab:
    manifest: Manifest
    leaves: tuple[Issued, ...]

    def leaf(self, kind: str) -> Issued:
        wanted = {line.leaf_sha256 for line in self.manifest.of(kind)}
        return next(leaf for leaf in self.leaves if leaf.sha256 in wanted)


@contextmanager
def lab(now: datetime) -> Iterator[Lab]:
    plan = estate.plan(estate.Wanted(kinds=KINDS, port_base=PORTS), now)
    sites = [site for group in plan.groups for site in group if site.tls]
    tls = [tls for site in sites if site.tls for tls in (site.tls, *site.tls.by_name.values())]
    with servers.running(kinds=KINDS, port_base=PORTS, now=now) as manifest:
        yield Lab(manifest, tuple(leaf for one in tls for leaf in one.identities))


@dataclass
class Desk:
    """Where everything arrives. Each way is a method that may be called at any time."""

    lab: Lab
    folder: Path
    actor: User
    owner: Team

    def scan(self) -> None:
        now = clock()
        save_network("127.0.0.0/8", actor=None, now=now, allows_special=True, name="Lab", owner_team=self.owner)
        lines = self.lab.manifest.lines
        places = [Place(line.address, line.port, line.server_name, line.protocol) for line in lines]
        run_all(start_listed_scan(places, actor=self.actor, now=now, title="The lab"))

    def certbot(self) -> None:
        """As certbot lays it out: files in archive, links to them in live; one of them is served in the lab, too."""
        for issued in (self.lab.leaf("in_date"), ON_DISK, BY_SERIAL):
            name = issued.sha256[:8]
            archive, live = self.folder / "archive" / name, self.folder / "live" / name
            for place in (archive, live):
                place.mkdir(parents=True, exist_ok=True)
            parts = {"cert": issued.pem, "fullchain": issued.chain_pem, "privkey": issued.key_pem}
            for part, text in parts.items():
                (archive / f"{part}1.pem").write_text(text)
                if not (live / f"{part}.pem").exists():
                    (live / f"{part}.pem").symlink_to(f"../../archive/{name}/{part}1.pem")
        call_command("import_certs", str(self.folder), stdout=io.StringIO())

    def pkcs12(self) -> None:
        served = self.lab.leaf("expiring")
        key: Any = IN_FILE.key
        beside = [UNSERVED.certificate, served.certificate]
        how = BestAvailableEncryption(PASSWORD.encode())
        data = serialize_key_and_certificates(b"one", key, IN_FILE.certificate, beside, how)
        of = bring(data, self.actor, name="keys.p12", password=PASSWORD)
        self._stored(of)

    def sheet(self) -> Import:
        of = bring(spreadsheet(self.lab).encode(), self.actor, name="estate.csv")
        assert of.step == Import.Step.MAPPING
        map_columns(of, of.columns, actor=self.actor, now=clock())
        return self._stored(worked(of))

    def _stored(self, of: Import) -> Import:
        store_import(of, actor=self.actor, now=clock())
        return worked(of)


def spreadsheet(lab: Lab) -> str:
    """500 rows: about every place of the lab, certificates in cells, serial numbers, nonsense, and places unknown."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADINGS, restval="")
    writer.writeheader()
    rows = list(_rows(lab))
    filler = ({"Host": f"host-{number}.example.net", "Team": "Web"} for number in range(ROWS - len(rows)))
    writer.writerows([*rows, *filler])
    return out.getvalue()


def _rows(lab: Lab) -> Iterator[Mapping[str, object]]:
    for number, line in enumerate(lab.manifest.lines):
        # Some say the port, some do not; the places of one kind are left to rules, suggestions, links and people.
        if line.kind in {"self_signed", "ip_san", "idn"}:
            continue
        port = line.port if number % 2 else ""
        words = {"Application": f"app {number}", "Environment": "prod", "Tags": "sheet", "Notes": "as told"}
        yield {"Host": line.server_name or line.address, "Port": port, "Team": "Payments", **words}
    yield {"Host": "cell.example.net", "Certificate": IN_CELL.pem, "Team": "Payments", "Owner": "sam@example.org"}
    yield {"Certificate": IN_CELL.pem, "Team": "Payments", "Notes": "twice"}
    place = lab.manifest.of("in_date")[0]
    yield {"Host": place.server_name, "Certificate": lab.leaf("in_date").pem, "Application": "in a cell"}
    serial = f"{BY_SERIAL.certificate.serial_number:x}"
    yield {"Host": "later.example.net", "Serial": serial, "Team": "Payments", "Notes": "by its serial number"}
    yield {"Host": "nobody.example.net", "Team": "A team that is not there"}
    yield {"Host": "not a host at all", "Team": "Web"}


Facts = dict[str, dict[str, Any]]


def inventory() -> Facts:
    """What is known, without the keys and the times that say in which order it came."""
    certificates = {row.sha256: _said(row) for row in Certificate.objects.prefetch_related("tags")}
    endpoints = {
        f"{row.zone} {row.place} {row.server_name} {row.protocol}": {
            **_said(row), "serves": row.certificate.sha256 if row.certificate else "",
        }
        for row in Endpoint.objects.select_related("certificate").prefetch_related("tags")
    }  # fmt: skip
    assert len(certificates) == Certificate.objects.count()
    assert len(endpoints) == Endpoint.objects.count()
    return {"certificates": certificates, "endpoints": endpoints}


def _said(row: Model) -> dict[str, Any]:
    names = ("environment", "application", "notes", "custom_fields", "owner_origin", "owner_reason", "retired_reason")
    team, person, tags = (getattr(row, name) for name in ("owner_team", "owner_person", "tags"))
    return {
        **{name: str(getattr(row, name)) for name in names},
        "team": team and team.slug,
        "person": person and person.email,
        "tags": " ".join(sorted(tag.name for tag in tags.all())),
    }
