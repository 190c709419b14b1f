"""Marks that say how strict the simulated cloud is with requests to the battery service (docs/cloud-api/battery.md §1 and §2)."""

import pytest

# Without a mark it takes everything that real sites take. With it, it keeps every rule that some site keeps.
strict = pytest.mark.parametrize("strict", [True], ids=["strict"])
strict_and_lenient = pytest.mark.parametrize("strict", [False, True], ids=["lenient", "strict"])
