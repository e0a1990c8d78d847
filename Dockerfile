# Written, not built here: this project's tests have no container engine. docs/install.md has the same steps by hand.
FROM python:3.12-slim-bookworm

RUN apt-get update \
 && apt-get install -y --no-install-recommends libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 nmap \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --home-dir /var/lib/certdash --create-home --shell /usr/sbin/nologin certdash

WORKDIR /opt/certdash
COPY requirements.txt requirements-postgres.txt ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt -r requirements-postgres.txt
COPY . .

USER certdash
ENV CERTDASH_VAR=/var/lib/certdash \
    CERTDASH_BIND=0.0.0.0:8000 \
    CERTDASH_BASE_URL=http://127.0.0.1:8000 \
    PYTHONUNBUFFERED=1
VOLUME /var/lib/certdash
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=40s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
STOPSIGNAL SIGTERM
CMD ["sh", "-c", "python manage.py prepare && exec python manage.py serve"]
