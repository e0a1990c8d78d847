"""How we come to know: where to look, the runs, and what each look saw."""

from discovery.models.candidates import Candidate
from discovery.models.coverage import Coverage
from discovery.models.observations import Observation
from discovery.models.postures import Posture
from discovery.models.scans import Scan, ScanShard
from discovery.models.sources import Network, Source, Zone

__all__ = ["Candidate", "Coverage", "Network", "Observation", "Posture", "Scan", "ScanShard", "Source", "Zone"]
