"""What may be wrong with a certificate or an endpoint: a catalogue, and pure functions over facts and ``now``."""

from policy.rules.catalogue import CATALOGUE, TITLES, Rule, Severity, Subject
from policy.rules.certificates import CERTIFICATE_RULES, CertificateFacts
from policy.rules.endpoints import ENDPOINT_RULES
from policy.rules.facts import EndpointFacts
from policy.rules.verdicts import Bad, Good, NotApplicable, NotJudged, Verdict

__all__ = [
    "CATALOGUE",
    "CERTIFICATE_RULES",
    "ENDPOINT_RULES",
    "TITLES",
    "Bad",
    "CertificateFacts",
    "EndpointFacts",
    "Good",
    "NotApplicable",
    "NotJudged",
    "Rule",
    "Severity",
    "Subject",
    "Verdict",
]
