"""Engines move bytes: they take places and a policy, and give back values. They know no rows and no Django.

    from certdash.lib.egress import Gate
    from discovery.engines import nmap, own

    own.probe_many(
        places,             # Iterable[Place], consumed lazily, in ANOTHER thread: values only, no queryset
        policy,             # egress.Gate, checked where each socket is opened; it may change meanwhile
        parallel=500,       # connections at once
        rate=None,          # connections per second, None for no limit
        timeout=10.0,       # seconds: one deadline per place, from the name lookup to the last byte read
        connect_timeout=3.0,  # seconds of it that a silent address may cost
        resolve=...,        # Callable[[str], Sequence[str]] for host names; the machine's own by default
        variants=True,      # ask a dual server (RSA and ECDSA) for its other certificate, too
        on_result=...,      # Callable[[ProbeResult], None], called in the CALLING thread: it may use the database
        should_stop=...,    # Callable[[], bool], called in the calling thread about twice a second
    ) -> None
    own.probe_one(place, policy, timeout=10.0, variants=True) -> ProbeResult
    nmap.probe_many(...)    # same arguments; nmap finds the open ports, then ``own`` shakes hands with them

Every place gives at least one result, and exactly one unless it is a host name: a name is looked up (A and AAAA) and
each of its addresses gives a result whose ``place`` carries that address, with the name as server name when none was
given. A name that was not found gives one ``Unreachable`` with the place as it was asked. After ``should_stop()`` has
said True, what is under way is dropped and places that gave no result were not tried. What ``on_result`` raises stops
the run and is raised to the caller. The failure of the outside world is never raised; ``nmap`` raises
``certdash.lib.drivers.DriverError`` if the program or its Python package is missing.
"""
