"""What people type about where to look, as values. A network of any size is two bounds, never a list.

targets = parse_targets(text)              # .items, .problems (each names line, item, reason, what to write instead)
exclusions = parse_exclusions(text)
ports = parse_ports("443,8443,9000-9010")  # raises AddressError
plan = Plan.of(targets, ports, exclusions, server_names)
plan.size, plan.excluded                   # places to ask and places left out, computed without expanding
plan.places(seed=7, start=0, stop=500)     # lazily, in an order that is spread over the whole plan
"""

from discovery.addresses.places import Plan, default_protocol
from discovery.addresses.reading import (
    parse_exclusions,
    parse_host_name,
    parse_network,
    parse_ports,
    parse_target,
    parse_targets,
)
from discovery.addresses.special import is_special, is_very_wide, wholly_special
from discovery.addresses.values import AddressError, Problem, Target, Targets

__all__ = [
    "AddressError",
    "Plan",
    "Problem",
    "Target",
    "Targets",
    "default_protocol",
    "is_special",
    "is_very_wide",
    "parse_exclusions",
    "parse_host_name",
    "parse_network",
    "parse_ports",
    "parse_target",
    "parse_targets",
    "wholly_special",
]
