"""TLS servers with known faults, for demo, tests and benchmarks; imports no app."""
