#!/usr/bin/env python3
"""The command line of certdash: ``manage.py help`` lists what it can do."""

import os
import sys

from django.core.management import execute_from_command_line

from certdash.env import SettingError

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "certdash.settings")
    try:
        execute_from_command_line(sys.argv)
    except SettingError as error:
        sys.exit(str(error))
