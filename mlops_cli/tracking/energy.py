"""Energy and CO2 of a training by codecarbon, which measures in a process of its own."""

import importlib.util
import json
import os
import subprocess
import sys
import threading
from typing import Any

from mlops_cli.schemas.tracker import TrackerConfig

_DELAY_SECONDS = 5.0
"""A training that is over sooner is not worth the start of a process."""
_LOOK_SECONDS = 5.0
_WAIT_SECONDS = 5.0
_LESS_PRIORITY = 10


class Meter:
    """Measures from when it is made until it is closed; nothing where codecarbon is missing.

    Args:
        config: Names the country whose electricity is used.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self._country = config.country or ""
        self._process: subprocess.Popen[str] | None = None
        self._timer = threading.Timer(_DELAY_SECONDS, self._start)
        self._timer.daemon = True
        if importlib.util.find_spec("codecarbon") is not None:
            self._timer.start()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "mlops_cli.tracking.energy", self._country],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,
        )

    def close(self, before: dict[str, Any] | None) -> dict[str, Any] | None:
        """What was used, with what earlier parts of the run used; None where nobody measured."""
        self._timer.cancel()
        if self._timer.ident is not None:
            self._timer.join()
        if self._process is None:
            return None
        try:
            said, _ = self._process.communicate("", timeout=_WAIT_SECONDS)
            found: dict[str, Any] = json.loads(said)
        except (subprocess.TimeoutExpired, ValueError):
            self._process.kill()
            self._process.communicate()
            return None
        for name in ("kwh", "co2_kg", "seconds"):
            found[name] += (before or {}).get(name, 0.0)
        return found


def main() -> None:
    """Measures until the standard input ends, and says in JSON what was used."""
    os.nice(_LESS_PRIORITY)
    from codecarbon import OfflineEmissionsTracker

    meter = OfflineEmissionsTracker(
        country_iso_code=sys.argv[1] or "",
        save_to_file=False,
        allow_multiple_runs=True,
        measure_power_secs=_LOOK_SECONDS,
        log_level="critical",
    )
    meter.start()
    sys.stdin.read()
    co2 = meter.stop()
    data = meter.final_emissions_data
    told = {
        "kwh": data.energy_consumed,
        "co2_kg": co2,
        "seconds": data.duration,
        "country": data.country_iso_code,
    }
    print(json.dumps(told))  # noqa: T201 - to the training


if __name__ == "__main__":
    main()
