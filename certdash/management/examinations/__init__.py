"""What `manage.py doctor` looks at: each examination looks for itself and answers good, bad or not judged."""

from certdash.management.examinations.answers import Answer, State
from certdash.management.examinations.data import DATA
from certdash.management.examinations.machine import MACHINE
from certdash.management.examinations.outside import OUTSIDE

EXAMINATIONS = [*MACHINE, *DATA, *OUTSIDE]

__all__ = ["EXAMINATIONS", "Answer", "State"]
