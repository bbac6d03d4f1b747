"""All settings, read from the environment. docs/configuration.md explains them; a test compares the two."""

from pathlib import Path
from urllib.parse import urlsplit

from csp.constants import NONE, SELF

from config import database, env, file_modes, huey, mail, secrets
from processing.storage import keys as storage_keys

YEAR_SECONDS = 365 * 24 * 3600
BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"

# Directories and addresses
file_modes.restrict_umask()
DATA_DIR = env.path("DATA_DIR", BASE_DIR / "data")
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)  # sessions, password hashes and originals are private
_directories = [DATA_DIR / name for name in storage_keys.DIRECTORIES]
# A single missing directory may be an unmounted disk. Creating it would make all of its files look lost.
if not any(directory.exists() for directory in _directories):
    for _directory in _directories:
        _directory.mkdir()
HOST = env.text("HOST", "127.0.0.1")
PORT = env.number("PORT", 8000, minimum=1, maximum=65535)
PUBLIC_URL = env.text("PUBLIC_URL").rstrip("/")

# Security
DEBUG = env.flag("DEBUG")
SECRET_KEY = env.text("SECRET_KEY") or secrets.read_or_create(DATA_DIR / "secret_key")
# A server that listens on all addresses is reached by host names that are not known here.
ALLOWED_HOSTS = env.items("ALLOWED_HOSTS") or (
    ["*"] if HOST in ("0.0.0.0", "::") and not PUBLIC_URL else ["localhost", "127.0.0.1", "[::1]", HOST]  # noqa: S104
)
if PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(PUBLIC_URL).hostname or "")
CSRF_TRUSTED_ORIGINS = env.items("CSRF_TRUSTED_ORIGINS") + ([PUBLIC_URL] if PUBLIC_URL else [])
BEHIND_TLS = env.flag("BEHIND_TLS", PUBLIC_URL.startswith("https://"))
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = BEHIND_TLS
if BEHIND_TLS:  # browsers accept cookies with this prefix over https only, and only from this host
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_ENGINE = "config.accounts.sessions.store"
SESSION_IDLE_SECONDS = env.seconds("SESSION_IDLE_SECONDS", 259200, least=60)
SESSION_MAX_SECONDS = env.seconds("SESSION_MAX_SECONDS", 1209600, least=60)
SESSION_COOKIE_AGE = int(SESSION_MAX_SECONDS)
# The TLS proxy redirects to https. A redirect here would loop behind a proxy that sends a wrong header.
SECURE_SSL_REDIRECT = False
SECURE_HSTS_SECONDS = env.number("HSTS_SECONDS", YEAR_SECONDS if BEHIND_TLS else 0)
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # HSTS for subdomains and preload lists: the administrator decides
    "security.W021",
    "security.W008",  # redirecting to https: see above
]
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_TLS else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "worker-src": [SELF],  # checksums are computed in web workers
        "img-src": [SELF, "data:", "blob:"],  # data: placeholders, blob: previews of chosen files
        "media-src": [SELF],  # the videos of Live Photos
        "form-action": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
    }
}

# Applications and middleware
INSTALLED_APPS = [
    "config",
    "processing",
    "albums",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django_htmx",
    "huey.contrib.djhuey",
    "allauth",
    "allauth.account",
    "config.accounts.apps.SessionsConfig",
    "allauth.mfa",
    "allauth.socialaccount",
]
MIDDLEWARE = [
    "config.http.metrics.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # These add security headers to every response, including static files and errors.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.http.middleware.BucketOriginMiddleware",
    "config.http.middleware.HeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django_http_compression.middleware.HttpCompressionMiddleware",  # static files are compressed when they are collected
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.accounts.sessions.activity.ActivityMiddleware",
    "config.accounts.security_log.RequestMiddleware",
    # Before CSRF, which may read the whole body to find its token: no body of an anonymous request is read.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
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
            ]
        },
    }
]

# Database: SQLite in DATA_DIR unless DATABASE_URL names PostgreSQL
DATABASE_URL = env.text("DATABASE_URL", f"sqlite:///{DATA_DIR / 'db.sqlite3'}")
DATABASE_POOL = env.number("DATABASE_POOL", 80, minimum=4)  # one for each upload in progress, and some for pages
DATABASES = {"default": database.options(DATABASE_URL, pool=DATABASE_POOL)}
if DATABASES["default"]["ENGINE"] == database.SQLITE_ENGINE:
    # A file, because in-memory databases do not work with threads.
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
file_modes.tighten(DATA_DIR, *database.files(DATABASES["default"]))
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# Queue: Huey on SQLite in DATA_DIR unless REDIS_URL names a Redis
REDIS_URL = env.text("REDIS_URL")
HUEY = huey.options(REDIS_URL, DATA_DIR / "huey.sqlite3", SECRET_KEY)
CACHES = {"default": {"BACKEND": "config.cache.DatabaseCache"}}
WAKEUP_TASK = "processing.tasks.develop_next"
UPLOAD_TASK = "processing.tasks.hand_over"
OPERATION_TASK = "processing.tasks.continue_operation"
CHECKSUM_TASK = "processing.tasks.read_for_download"
PING_TASK = "processing.tasks.answer_echo"

# Files
STATIC_URL = "static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "processing.storage.router.PlacedStore", "OPTIONS": {"location": DATA_DIR}},
    "staticfiles": {"BACKEND": "config.staticfiles.HashedStatic"},
}
# With S3_BUCKET, new photos are stored in the bucket; existing photos stay where they are.
S3_BUCKET = env.text("S3_BUCKET")
S3_ENDPOINT = env.text("S3_ENDPOINT").rstrip("/")
S3_REGION = env.text("S3_REGION", "us-east-1")
S3_PREFIX = env.text("S3_PREFIX")
S3_ACCESS_KEY = env.text("S3_ACCESS_KEY")
S3_SECRET_KEY = env.text("S3_SECRET_KEY")
S3_SESSION_TOKEN = env.text("S3_SESSION_TOKEN")
S3_ADDRESSING = env.one_of("S3_ADDRESSING", "auto", choices={"auto", "path", "virtual"})
S3_BROWSER_ENDPOINT = env.text("S3_BROWSER_ENDPOINT").rstrip("/")
S3_ALLOW_INTERNAL = env.flag("S3_ALLOW_INTERNAL")
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
FILE_UPLOAD_HANDLERS = ["config.http.upload_handlers.RejectingUploadHandler"]
# The upload form counts files itself, and reports each one instead of rejecting the request.
DATA_UPLOAD_MAX_NUMBER_FILES = None

# Uploads
MAX_BATCH_FILES = env.number("MAX_BATCH_FILES", 500, minimum=1)
MAX_FILE_BYTES = env.size("MAX_FILE_SIZE", "2G")
MIN_FREE_BYTES = env.size("MIN_FREE_SPACE", "512M")
MEMORY_MARK = env.number("MEMORY_MARK", 80, minimum=1, maximum=100)
BODY_IDLE_SECONDS = env.seconds("BODY_IDLE_SECONDS", 30, least=1)
MIN_UPLOAD_RATE = env.size("MIN_UPLOAD_RATE", "1000")
MIN_RATE_SECONDS = env.seconds("MIN_RATE_SECONDS", 60, least=1)
USER_UPLOADS = env.number("USER_UPLOADS", 0)
CHUNK_BYTES = env.size("CHUNK_SIZE", "0")
STAGING_QUOTA_BYTES = env.size("STAGING_QUOTA", "64G")
USER_FILES_PER_DAY = env.number("USER_FILES_PER_DAY", 100000)
USER_STAGING_PERCENT = env.number("USER_STAGING_PERCENT", 75, minimum=1, maximum=100)
UPLOAD_EXPIRY_SECONDS = env.seconds("UPLOAD_EXPIRY_SECONDS", 1800, least=1)

# Jobs
LEASE_SECONDS = env.seconds("LEASE_SECONDS", 60, least=1)
SWEEP_SECONDS = env.seconds("SWEEP_SECONDS", 60, least=1)
ORPHAN_GRACE_SECONDS = env.seconds("ORPHAN_GRACE_SECONDS", 3600)
MAX_ATTEMPTS = env.number("MAX_ATTEMPTS", 10, minimum=1)
BACKOFF_BASE_SECONDS = env.seconds("BACKOFF_BASE_SECONDS", 1)
BACKOFF_MAX_SECONDS = env.seconds("BACKOFF_MAX_SECONDS", 300)
SCRUB_BYTES_PER_DAY = env.size("SCRUB_BYTES_PER_DAY", "10G")
TRASH_DAYS = env.number("TRASH_DAYS", 30, maximum=36_500)
EVENT_DAYS = env.number("EVENT_DAYS", 90, minimum=1)
PIPELINE_MEMORY_BYTES = env.size("PIPELINE_MEMORY", "512M")
PIPELINE_MEMORY_LARGE_BYTES = env.size("PIPELINE_MEMORY_LARGE", "2G")
PIPELINE_SECONDS = env.seconds("PIPELINE_SECONDS", 120, least=1)
MAX_JPEG_PIXELS = env.number("MAX_JPEG_MEGAPIXELS", 400, minimum=1) * 1_000_000
MAX_OTHER_PIXELS = env.number("MAX_OTHER_MEGAPIXELS", 250, minimum=1) * 1_000_000

# Renditions
RENDITION_EDGES = env.numbers("RENDITION_EDGES", "2560,1600,800,400", minimum=16, maximum=16_383)
WEBP_QUALITY = env.numbers("WEBP_QUALITY", minimum=1, maximum=100)
WEBP_METHOD = env.numbers("WEBP_METHOD", maximum=6)
AVIF = env.flag("AVIF")
AVIF_QUALITY = env.number("AVIF_QUALITY", 60, minimum=1, maximum=100)
AVIF_SPEED = env.number("AVIF_SPEED", 9, maximum=10)

# Web server
WEB_PROCESSES = env.number("WEB_PROCESSES", 1, minimum=1)
WEB_THREADS = env.number("WEB_THREADS", 64, minimum=2)
WEB_CONNECTIONS = env.number("WEB_CONNECTIONS", 0)
WEB_ADDRESS_CONNECTIONS = env.number("WEB_ADDRESS_CONNECTIONS", 0)
REQUEST_SECONDS = env.seconds("REQUEST_SECONDS", 15, least=1)
X_ACCEL = env.text("X_ACCEL")
METRICS_TOKEN = env.secret("METRICS_TOKEN")

# Accounts
LOGIN_ATTEMPTS = env.number("LOGIN_ATTEMPTS", 10, minimum=1)
LOGIN_SECONDS = env.seconds("LOGIN_SECONDS", 300, least=1)
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "albums:list"
LOGOUT_REDIRECT_URL = "account_login"
AUTHENTICATION_BACKENDS = ["config.accounts.backend.Backend"]
ACCOUNT_ADAPTER = "config.accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "config.accounts.forms.SignInForm",
    "change_password": "config.accounts.forms.PasswordForm",
    "reauthenticate": "config.accounts.forms.ConfirmForm",
    "add_email": "config.accounts.forms.AddressForm",
    "reset_password": "config.accounts.login.password_reset.ResetForm",
    "reset_password_from_key": "config.accounts.forms.NewPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username"}
# Sign-up is closed, but allauth's checks compare its fields with the login methods.
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*"]
ACCOUNT_RATE_LIMITS = {
    "login": None,  # passwords are counted by config/accounts/login/throttle.py
    "login_failed": f"{LOGIN_ATTEMPTS}/{LOGIN_SECONDS:g}s/key",  # second-factor codes, per user
}
ACCOUNT_SESSION_REMEMBER = True  # sessions end by their timeouts, not when the browser is closed
ACCOUNT_EMAIL_VERIFICATION = "none"  # addresses are for resetting passwords; signing in needs none
ACCOUNT_REAUTHENTICATION_METHODS = ["password", "mfa"]
ACCOUNT_REAUTHENTICATION_REQUIRED = True  # before changing addresses, which receive password-reset links
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Darkroom: "
ACCOUNT_MAX_EMAIL_ADDRESSES = 5
PASSWORD_RESET_TIMEOUT = 3600
EMAIL_URL = env.text("EMAIL_URL")
_mail = mail.server(EMAIL_URL)
EMAIL_BACKEND = _mail.backend
EMAIL_HOST, EMAIL_PORT = _mail.host, _mail.port
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = _mail.user, _mail.password
EMAIL_USE_TLS, EMAIL_USE_SSL = _mail.starttls, _mail.tls
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("EMAIL_FROM") or f"darkroom@{urlsplit(PUBLIC_URL).hostname or 'localhost'}"

# OpenID Connect, if OIDC_ISSUER is set
OIDC_ISSUER = env.text("OIDC_ISSUER").rstrip("/")
OIDC_CLIENT_ID = env.text("OIDC_CLIENT_ID")
OIDC_CLIENT_SECRET = env.secret("OIDC_CLIENT_SECRET")
OIDC_NAME = env.text("OIDC_NAME", "SSO")
OIDC_SCOPES = env.items("OIDC_SCOPES", "openid,profile,email")
OIDC_GROUPS_CLAIM = env.text("OIDC_GROUPS_CLAIM", "groups")
OIDC_STAFF_GROUP = env.text("OIDC_STAFF_GROUP")
OIDC_ADMIN_GROUP = env.text("OIDC_ADMIN_GROUP")
OIDC_CREATE_USERS = env.flag("OIDC_CREATE_USERS")
OIDC_ONLY = env.flag("OIDC_ONLY")
SOCIALACCOUNT_ADAPTER = "config.accounts.oidc.users.ProviderAdapter"
SOCIALACCOUNT_REAUTHENTICATION_REQUIRED = True  # connecting lets the provider sign in to the account
SOCIALACCOUNT_EMAIL_REQUIRED = False

# Second factors
MFA_ADAPTER = "config.accounts.second_factor.SecondFactorAdapter"
MFA_FORMS = {
    "authenticate": "config.accounts.second_factor.CodeForm",
    "reauthenticate": "config.accounts.second_factor.ConfirmingCodeForm",
    "activate_totp": "config.accounts.second_factor.FirstCodeForm",
    "add_webauthn": "config.accounts.passkeys.AddForm",
    "edit_webauthn": "config.accounts.passkeys.RenameForm",
    "login_webauthn": "config.accounts.passkeys.SignInForm",
    "authenticate_webauthn": "config.accounts.passkeys.SecondFactorForm",
    "reauthenticate_webauthn": "config.accounts.passkeys.ConfirmingForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # phone clocks are off by some seconds, and people type slowly
MFA_ALLOW_UNVERIFIED_EMAIL = True  # sign-up is closed, so no visitor can claim the address of another person
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}  # an office shares one address, and passkeys cannot be guessed
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LANGUAGE_CODE = "en-gb"
TIME_ZONE = env.text("TIME_ZONE", "UTC")
USE_I18N = False
USE_TZ = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Tests
FAULT = env.text("DARKROOM_FAULT")

LOG_LEVEL = env.text("LOG_LEVEL", "INFO").upper()
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {"()": "config.log_format.OneLine", "format": "{asctime} {levelname} {name} {message}", "style": "{"}
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    # With its own handler; otherwise run_huey adds one, and every sweep is logged twice.
    "loggers": {
        "huey": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "darkroom.security": {"level": "INFO"},  # regardless of LOG_LEVEL
    },
}
