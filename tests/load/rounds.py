"""How often something is done that takes its time: a little in the tests, all when asked.

`VMFIT_TEST_ENDS=40 VMFIT_TEST_KILLS=1000 pytest -rP tests/load` takes an hour.
"""

import os

ENDS = int(os.environ.get("VMFIT_TEST_ENDS", "4"))
"""How often each service is ended by SIGTERM while it is asked."""
KILLS = int(os.environ.get("VMFIT_TEST_KILLS", "12"))
"""How often each is killed."""
SOAK_COLLECTIONS = int(os.environ.get("VMFIT_TEST_COLLECTIONS", "200"))
SOAK_CHECKS = int(os.environ.get("VMFIT_TEST_CHECKS", "300"))
"""How many collections and checks one process has to take without growing."""
FAULTS = int(os.environ.get("VMFIT_TEST_FAULTS", "40"))
"""How often something is asked while something else is broken."""
