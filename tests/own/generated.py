"""Requests that schemathesis makes of an OpenAPI document, right ones and wrong ones.

By hand, over a server that runs: `PYTHONPATH=tests python -m own.generated URL CASES`.
"""

import collections
import sys

import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
]


def run(url, cases):
    """Sends `cases` requests, spread over the operations; how many got which status.

    Raises:
        AssertionError: An answer is not documented, or a fault of the server's.
    """
    found = collections.Counter()
    document = schemathesis.openapi.from_url(f"{url}/openapi.json")
    operations = [one.ok() for one in document.get_all_operations()]
    kinds = [
        (one, mode)
        for one in operations
        for mode in GenerationMode
        if one.method == "post" or mode is GenerationMode.POSITIVE
    ]
    posts = sum(one.method == "post" for one, _ in kinds)
    for operation, mode in kinds:

        @settings(
            max_examples=-(-cases // posts),
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def ask(case):
            response = case.call_and_validate(base_url=url, checks=CHECKS)
            found[response.status_code] += 1
            # A time that the asker sets may pass; nothing else is the server's fault.
            impatient = response.status_code == 504 and "X-Timeout-Ms" in (case.headers or {})
            assert response.status_code < 500 or impatient, response.text

        ask()
    return found


if __name__ == "__main__":
    counted = run(sys.argv[1].rstrip("/"), int(sys.argv[2]))
    sys.stdout.write(f"{counted.total()} requests, none undocumented: {dict(counted)}\n")
