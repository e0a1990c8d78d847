"""The entry point of the web server."""

import os
import sys

from django.core.wsgi import get_wsgi_application

from certdash.env import SettingError

# gunicorn ends when a worker leaves with this code; after any other one it would start the next worker for ever.
COULD_NOT_START = 3

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "certdash.settings")

try:
    application = get_wsgi_application()
except SettingError as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(COULD_NOT_START)
