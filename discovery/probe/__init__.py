"""What one look at one place is: values only. No socket, no database, no Django."""

from discovery.probe.results import (
    HandshakeFailed,
    Place,
    ProbeResult,
    Reason,
    Served,
    ServedVariant,
    Unreachable,
)

__all__ = [
    "HandshakeFailed",
    "Place",
    "ProbeResult",
    "Reason",
    "Served",
    "ServedVariant",
    "Unreachable",
]
