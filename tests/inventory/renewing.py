"""Folders of certbot and acme.sh, written as their sources write them; neither program is at hand here.

certbot: ``certbot/_internal/storage.py`` (``write_renewal_config``, ``RenewableCert``); acme.sh: ``_savedomainconf``
and ``_saveaccountconf`` in ``acme.sh``.
"""

from __future__ import annotations

import base64
import io
import tarfile
import zipfile
from pathlib import Path

from tests.inventory.brought import leaf
from tests.inventory.corpus import ISSUING

NAME, ACME_NAME = "brought2.example.org", "brought3.example.org"
SECRETS = ("cf-token-123", "0123456789abcdef0123456789abcdef", "hunter2")
CERTBOT = f"""\
# renew_before_expiry = 30 days
version = 2.9.0
archive_dir = /etc/letsencrypt/archive/{NAME}
cert = /etc/letsencrypt/live/{NAME}/cert.pem
privkey = /etc/letsencrypt/live/{NAME}/privkey.pem
chain = /etc/letsencrypt/live/{NAME}/chain.pem
fullchain = /etc/letsencrypt/live/{NAME}/fullchain.pem

# Options used in the renewal process
[renewalparams]
account = {SECRETS[1]}
authenticator = webroot
webroot_path = /var/www/html,
server = https://user:{SECRETS[2]}@acme.example.org/directory?token={SECRETS[0]}
key_type = ecdsa
renew_hook = systemctl reload nginx
post_hook = curl -H "Authorization: {SECRETS[2]}" https://hook.example.org
dns_cloudflare_credentials = {SECRETS[0]}
rsa_key_size = 4096
must_staple = True
[[webroot_map]]
{NAME} = /var/www/html
"""
ACME_SH = f"""\
Le_Domain='{ACME_NAME}'
Le_Alt='no'
Le_Webroot='dns_cf'
Le_PreHook=''
Le_API='https://acme-v02.api.letsencrypt.org/directory'
Le_Keylength='ec-256'
Le_OrderFinalize='https://acme-v02.api.letsencrypt.org/acme/finalize/1/2'
Le_NextRenewTimeStr='2027-01-20T00:00:00Z'
Le_NextRenewTime='1800403200'
Le_ReloadCmd='__ACME_BASE64__START_{base64.b64encode(b"service nginx reload").decode()}__ACME_BASE64__END_'
Le_DeployHook='haproxy,'
SAVED_CF_Token='{SECRETS[0]}'
SAVED_DEPLOY_PASSWORD='{SECRETS[2]}'
"""
ACCOUNT = f"ACCOUNT_EMAIL='ada@example.org'\nSAVED_CF_Token='{SECRETS[0]}'\n"


def certbot(root: Path, *numbers: int) -> Path:
    """A lineage whose archive holds the certificates with these numbers, the last of which is live."""
    archive, live = root / "archive" / NAME, root / "live" / NAME
    for folder in (archive, live, root / "renewal"):
        folder.mkdir(parents=True, exist_ok=True)
    for at, number in enumerate(numbers, 1):
        (archive / f"cert{at}.pem").write_text(leaf(number).pem)
        (archive / f"chain{at}.pem").write_text(ISSUING.pem)
        (archive / f"fullchain{at}.pem").write_text(leaf(number).pem + ISSUING.pem)
    for part in ("cert", "chain", "fullchain"):
        (live / f"{part}.pem").unlink(missing_ok=True)
        (live / f"{part}.pem").symlink_to(f"../../archive/{NAME}/{part}{len(numbers)}.pem")
    (root / "renewal" / f"{NAME}.conf").write_text(CERTBOT)
    return root


def acme_sh(root: Path) -> Path:
    folder = root / f"{ACME_NAME}_ecc"
    folder.mkdir(parents=True)
    (folder / f"{ACME_NAME}.cer").write_text(leaf(3).pem)
    (folder / "fullchain.cer").write_text(leaf(3).pem + ISSUING.pem)
    (folder / "ca.cer").write_text(ISSUING.pem)
    (folder / f"{ACME_NAME}.conf").write_text(ACME_SH)
    (root / "account.conf").write_text(ACCOUNT)
    return root


def tar_of(root: Path) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.add(root, arcname=root.name)
    return packed.getvalue()


def zip_of(root: Path) -> bytes:
    """As ``zip -ry`` packs it: links stay links."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(root.rglob("*")):
            name = str(path.relative_to(root))
            if path.is_symlink():
                info = zipfile.ZipInfo(name)
                info.external_attr = 0o120777 << 16
                archive.writestr(info, str(path.readlink()))
            elif path.is_file():
                archive.write(path, name)
    return packed.getvalue()
