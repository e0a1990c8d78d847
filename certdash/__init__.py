"""The frame: settings, environment, urls, health, checks, commands."""

__version__ = "0.1.0"
