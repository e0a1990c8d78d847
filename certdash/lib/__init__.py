"""Modules that every app may use and that do not know each other."""
