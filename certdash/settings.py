"""Settings: everything comes from the environment and has a safe default (docs/configuration.md)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from certdash import __version__, env

BASE_DIR = Path(__file__).resolve().parent.parent
env.load(BASE_DIR / ".env")
VAR = Path(env.text("CERTDASH_VAR", str(BASE_DIR / "var"))).resolve()
VERSION = __version__

DEBUG = env.flag("CERTDASH_DEBUG", default=False)
BIND = env.text("CERTDASH_BIND", "127.0.0.1:8000")
BASE_URL = env.url("CERTDASH_BASE_URL", f"http://{BIND}")
SECRET_KEY = env.kept_secret("CERTDASH_SECRET_KEY", VAR / "secret_key")
# The host of the base URL is always answered to.
ALLOWED_HOSTS = [
    *env.words("CERTDASH_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]"),
    urlsplit(BASE_URL).hostname or "localhost",
]
CSRF_TRUSTED_ORIGINS = env.words("CERTDASH_CSRF_TRUSTED_ORIGINS")
HTTPS = BASE_URL.startswith("https://")
IS_LOCAL = not HTTPS and env.is_loopback(urlsplit(BASE_URL).hostname or "")
TRUSTED_PROXIES = env.number("CERTDASH_TRUSTED_PROXIES", 0)

WEB_WORKERS = env.number("CERTDASH_WEB_WORKERS", 2, least=1)
WEB_THREADS = env.number("CERTDASH_WEB_THREADS", 4, least=1)
ACCESS_LOG = env.flag("CERTDASH_ACCESS_LOG", default=False)
BANNER = env.text("CERTDASH_BANNER")

HIDE_UNOWNED = env.flag("CERTDASH_HIDE_UNOWNED", default=False)

INSTALLED_APPS = [
    "certdash.apps.CertdashConfig",
    "accounts",
    "inventory",
    "discovery",
    "policy",
    "renewals",
    "alerts",
    "reports",
    # The Django admin, limited to classes that leave audit events.
    "accounts.apps.AdministrationConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "allauth",
    "allauth.account",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.mfa",
    "allauth.usersessions",
    "django_filters",
    "django_htmx",
    "django_q",
    "template_partials",
    "csp",
]

MIDDLEWARE = [
    "certdash.middleware.RequestId",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "certdash.middleware.UploadCap",
    "certdash.middleware.FormsOnly",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "certdash.middleware.CannotWrite",
    "accounts.middleware.AuditOrigin",
    "accounts.middleware.AccountEnd",
    "accounts.middleware.Visit",
    "django_htmx.middleware.HtmxMiddleware",
    "certdash.middleware.KeptApart",
    "certdash.middleware.HtmxRedirect",
    "accounts.middleware.SetupFirst",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "accounts.middleware.LocalTime",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.OneTransaction",
]

ROOT_URLCONF = "certdash.urls"
WSGI_APPLICATION = "certdash.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "certdash.context.frame",
                "certdash.health.watch",
            ],
        },
    },
]

# --- data -----------------------------------------------------------------------------------------

DATABASES = {"default": env.database("CERTDASH_DATABASE_URL", f"sqlite:///{VAR / 'certdash.sqlite3'}")}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "certdash_cache",
        # Limits of signing in and of calendar addresses are kept here: a few hundred others must not push them out.
        "OPTIONS": {"MAX_ENTRIES": 20_000},
    },
    # The queue writes its own status twice a second: in a database that would be constant writing.
    "queue": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": "queue"},
}

# --- work -----------------------------------------------------------------------------------------

WORKERS = env.number("CERTDASH_WORKERS", 3, least=2)
# What a worker may take to finish its task when it is told to stop; then its claim runs out and the next one goes on.
STOP_SECONDS = env.number("CERTDASH_STOP_SECONDS", 20, least=1)
Q_CLUSTER = {
    "name": "certdash",
    "orm": "default",
    "workers": WORKERS,
    "poll": 0.5,
    "cache": "queue",
    # Recovery is ours (a lease in our own rows); these are only the backstop.
    "timeout": 900,
    "retry": 960,
    "max_attempts": 1,
    "ack_failures": True,
    "catch_up": False,
    # One task at a time per worker: a prefetched task could be delivered again before it starts.
    "bulk": 1,
    "queue_limit": 1,
    "save_limit": 1000,
    "label": "Work queue",
    "ALT_CLUSTERS": {},
}
# What runs by the clock: name, dotted path of the task, minutes between two runs.
TICKS = [
    ("heartbeat", "accounts.tasks.beat", 1),
    ("discovery", "discovery.tasks.tick", 1),
    ("policy", "policy.tasks.tick", 1),
    ("reports", "reports.tasks.tick", 1),
    ("letters", "alerts.tasks.tick", 1),
    ("inventory", "inventory.tasks.tick", 1),
    ("domains", "inventory.tasks.sort_into_domains", 1),
    ("recount", "inventory.tasks.recount", 24 * 60),
    ("tidy", "discovery.tasks.tidy", 24 * 60),
    ("audit", "accounts.tasks.verify_chain", 24 * 60),
]
# Tasks enqueued when a shard has been recorded. Named here because discovery must not know who reads its rows.
AFTER_RECORDING = ["policy.tasks.tick"]
# Who says which certificates must not be forgotten when an import is taken back. Inventory must not know them.
CERTIFICATES_HELD_BY = ["policy.services.spoken_of", "reports.services.cited"]
# What the codes of risks are called. Named here because inventory must not know who judges.
RISK_TITLES = "policy.rules.TITLES"

# --- pages put together by URL (each panel is served by the app that owns it) -----------------------

CERTIFICATE_PANELS = [
    ("findings", "Findings", "policy:certificate_findings"),
    ("history", "History", "discovery:certificate_history"),
    ("told", "Told", "alerts:certificate_told"),
]
# Who stands in as owner where no rule decides: a function that gives the teams of sources and of networks.
OWNERS_OF_PLACES = "discovery.services.owners.owners_of_places"
# How many networks and sources have no such owner, told to a user: the queue of what nobody answers for says so.
PLACES_WITHOUT_OWNER = "discovery.services.owners.without_owner"
ENDPOINT_PANELS = [
    ("findings", "Findings", "policy:endpoint_findings"),
    ("history", "History", "discovery:endpoint_history"),
]

# First run, in this order: url name, label. Steps whose page is not built are left out.
SETUP_STEPS = [
    ("accounts:setup_administrator", "Administrator"),
    ("accounts:setup_organisation", "Organisation"),
    ("discovery:setup_networks", "Networks"),
    ("discovery:setup_first_scan", "First scan"),
]

# --- people ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
ACCOUNT_FORMS = {"login": "accounts.forms.LoginForm", "reset_password": "accounts.forms.ResetPasswordForm"}
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
USERSESSIONS_ADAPTER = "accounts.adapters.SessionsAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# Asking for a reset must not make us write to addresses that have nothing to do with us.
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "certdash"
# The code before and after are taken too: clocks of telephones differ (RFC 6238, 5.2).
MFA_TOTP_TOLERANCE = 1
# Passkeys need a secure origin; browsers count http://localhost as one.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS

OIDC_SERVER = env.text("CERTDASH_OIDC_SERVER")
OIDC_ORIGINS = env.words("CERTDASH_OIDC_ORIGINS", OIDC_SERVER)
SOCIALACCOUNT_ONLY = False
# Only for addresses that the provider calls verified (accounts.adapters).
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.text("CERTDASH_OIDC_NAME", "Single sign-on"),
                "client_id": env.text("CERTDASH_OIDC_CLIENT_ID"),
                "secret": env.text("CERTDASH_OIDC_CLIENT_SECRET"),
                "settings": {
                    "server_url": OIDC_SERVER,
                    # For providers that never say whether an address was verified.
                    "verified_email": env.flag("CERTDASH_OIDC_TRUST_EMAIL", default=False),
                },
            }
        ]
        if OIDC_SERVER
        else []
    }
}

SESSION_COOKIE_AGE = int(timedelta(hours=env.number("CERTDASH_SESSION_HOURS", 12, least=1)).total_seconds())
SESSION_SAVE_EVERY_REQUEST = False
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
CSRF_FAILURE_VIEW = "certdash.health.csrf_failure"
SECURE_SSL_REDIRECT = HTTPS and env.flag("CERTDASH_HTTPS_REDIRECT", default=True)
# Asked over plain HTTP on this machine, by the supervisor and by health checks.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
# On this machine alone there is no TLS to insist on; `certdash.I003` tells what to set. Anywhere else these are told.
SILENCED_SYSTEM_CHECKS = ["security.W004", "security.W008", "security.W012", "security.W016"] if IS_LOCAL else []
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF, *OIDC_ORIGINS],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}

# The end of the audit chain is copied here after each commit; best on another machine's disk.
AUDIT_HEADS = env.text("CERTDASH_AUDIT_HEADS", str(VAR / "audit" / "heads.jsonl"))

# A web server whose Date header `manage.py doctor` compares our clock with.
CLOCK_URL = env.text("CERTDASH_CLOCK_URL")

# --- limits ---------------------------------------------------------------------------------------

DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 2000
UPLOAD_CAP = env.number("CERTDASH_UPLOAD_CAP", 100 * 1024 * 1024, least=1)

# --- mail, language, files ------------------------------------------------------------------------

EMAIL_HOST = env.text("CERTDASH_EMAIL_HOST")
EMAIL_PORT = env.number("CERTDASH_EMAIL_PORT", 25, least=1)
EMAIL_HOST_USER = env.text("CERTDASH_EMAIL_USER")
EMAIL_HOST_PASSWORD = env.text("CERTDASH_EMAIL_PASSWORD")
EMAIL_USE_TLS = env.flag("CERTDASH_EMAIL_STARTTLS", default=False)
EMAIL_TIMEOUT = 20
EMAIL_BACKEND = (
    "django.core.mail.backends.smtp.EmailBackend" if EMAIL_HOST else "django.core.mail.backends.filebased.EmailBackend"
)
EMAIL_FILE_PATH = VAR / "mail"
DEFAULT_FROM_EMAIL = env.text("CERTDASH_EMAIL_FROM", "certdash@localhost")

LANGUAGE_CODE = "en"
# Only what is translated whole: Django brings a hundred languages, and pages would be half in one of them.
LANGUAGES = [("en", "English")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LOCALE_PATHS = [BASE_DIR / "locale"]

STATIC_URL = "static/"
STATIC_ROOT = VAR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOG_LEVEL = env.choice("CERTDASH_LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "certdash.middleware.LineFormatter"}},
    "filters": {"refusals": {"()": "certdash.middleware.Refusals"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["refusals"]}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # django-q names every task it runs; a tick a minute would drown what matters.
        "django-q": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
    },
}
