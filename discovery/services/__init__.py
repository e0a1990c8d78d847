"""Deciding where to look, looking, and keeping what was seen."""

from discovery.services.recording import Recorded, Recording, record

__all__ = ["Recorded", "Recording", "record"]
