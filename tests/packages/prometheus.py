"""A Prometheus of this machine, or the one that setup unpacked, as a process."""

import json
import shutil
import subprocess
import time
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
import yaml

from tests.packages.conftest import PROJECT


def found(program):
    """Return the path of prometheus or promtool; skips where there is none."""
    path = shutil.which(program) or shutil.which(program, path=PROJECT / ".tools/prometheus")
    if path is None:
        pytest.skip(f"{program} is neither installed nor unpacked by packaging/dev/setup.sh")
    return path


class Prometheus:
    """Scrapes pages every second, and evaluates rules as often."""

    def __init__(self, directory, address, jobs, rules):
        self._url = f"http://{address}/api/v1"
        directory.mkdir()
        (directory / "rules.yaml").write_text(yaml.safe_dump(rules))
        scraped = [
            {"job_name": job, "static_configs": [{"targets": targets}]}
            for job, targets in jobs.items()
        ]
        interval = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        settings = {"global": interval, "rule_files": ["rules.yaml"], "scrape_configs": scraped}
        (directory / "prometheus.yaml").write_text(yaml.safe_dump(settings))
        self._log = directory / "log"
        with self._log.open("w") as log:
            self._process = subprocess.Popen(
                [
                    found("prometheus"), f"--config.file={directory}/prometheus.yaml",
                    f"--storage.tsdb.path={directory}/data", f"--web.listen-address={address}",
                ],
                stderr=log, stdout=log,
            )  # fmt: skip

    def close(self):
        self._process.kill()
        self._process.wait()

    def query(self, expression):
        """Return the samples that an expression gives now."""
        return self._get(f"query?{urlencode({'query': expression})}")["result"]

    def firing(self):
        """Return the names of the alerts that fire."""
        alerts = self._get("alerts")["alerts"]
        return {each["labels"]["alertname"] for each in alerts if each["state"] == "firing"}

    def _get(self, path):
        give_up_at = time.monotonic() + 60
        while True:
            assert self._process.poll() is None, self._log.read_text()
            try:
                with urlopen(f"{self._url}/{path}", timeout=20) as response:
                    return json.load(response)["data"]
            except URLError:
                # It is not listening yet.
                if time.monotonic() > give_up_at:
                    raise
                time.sleep(0.2)
