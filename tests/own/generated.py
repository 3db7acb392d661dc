"""Requests that schemathesis makes of an OpenAPI document, right ones and wrong ones.

By hand, over a server that runs: `PYTHONPATH=tests python -m own.generated URL CASES [KEY]`.
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


def run(url, cases, key=None):
    """Sends `cases` requests, spread over the operations; how many got which status.

    Args:
        url: The server.
        cases: Requests with a body; those without come on top.
        key: An API key to show.

    Raises:
        AssertionError: An answer is not documented, or a fault of the server's.
    """
    found = collections.Counter()
    shown = {"Authorization": f"Bearer {key}"} if key else {}
    document = schemathesis.openapi.from_url(f"{url}/openapi.json", headers=shown)
    operations = [one.ok() for one in document.get_all_operations()]
    kinds = [
        (one, mode)
        for one in operations
        for mode in GenerationMode
        # A request without a body has nothing that could be wrong.
        if _has_body(one) or mode is GenerationMode.POSITIVE
    ]
    posts = sum(_has_body(one) for one, _ in kinds)
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
            response = case.call_and_validate(base_url=url, headers=shown, checks=CHECKS)
            found[response.status_code] += 1
            # A time that the asker sets may pass; nothing else is the server's fault.
            impatient = response.status_code == 504 and "X-Timeout-Ms" in (case.headers or {})
            assert response.status_code < 500 or impatient, response.text

        ask()
    return found


def _has_body(operation):
    return "requestBody" in operation.definition.raw


if __name__ == "__main__":
    counted = run(sys.argv[1].rstrip("/"), int(sys.argv[2]), *sys.argv[3:])
    sys.stdout.write(f"{counted.total()} requests, none undocumented: {dict(counted)}\n")
