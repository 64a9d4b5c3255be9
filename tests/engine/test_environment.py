"""A stack whose configuration comes from a Pulumi ESC environment plans the same resources as its stack file.

The real CLI opens the environment, merges it with the stack file and hands the result to the program. Only Pulumi Cloud
is a stand-in. Not shown here: how ESC evaluates an environment (docs/live-checks.md, L90).
"""

import gzip
import json
import os
import subprocess
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from localcloud.cloud import RunningCloud
from localcloud.engine import Engine
from localcloud.stack import ROOT, configure
from localcloud.toolchain import TOOLS
from tests.stack_file import stack_file, watch_own_sets

PAGER = "https://events.pagerduty.example/integration/a-key-not-to-be-seen/enqueue"
STACK = "/api/stacks/acme/breakglass/local"
ENVIRONMENT = "/api/esc/environments/acme/yaml/open"


class PulumiCloud(ThreadingHTTPServer):
    """The part of Pulumi Cloud that a preview asks, with one environment."""

    def __init__(self, pulumi_config: dict[str, Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Any] = {
            "GET /api/user": {"githubLogin": "acme", "organizations": [{"githubLogin": "acme"}]},
            f"GET {STACK}": {"orgName": "acme", "projectName": "breakglass", "stackName": "local", "version": 0},
            f"GET {STACK}/export": {"version": 3, "deployment": None},
            f"POST {STACK}/preview": {"updateID": "1"},
            f"POST {STACK}/update/1": {"version": 1, "token": "t"},
            f"POST {ENVIRONMENT}": {"id": "1"},
            f"GET {ENVIRONMENT}/1": {"properties": {"pulumiConfig": pulumi_config}},
        }


class Handler(BaseHTTPRequestHandler):
    """Answers with what the server has; encrypts by doing nothing."""

    server: PulumiCloud  # pyrefly: ignore[bad-override-mutable-attribute]

    def do_GET(self) -> None:
        self.answer()

    def do_POST(self) -> None:
        self.answer()

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        match self.path.partition("?")[0].removeprefix(STACK):
            case "/encrypt":
                answer = {"ciphertext": json.loads(body)["plaintext"]}
            case "/decrypt":
                answer = {"plaintext": json.loads(body)["ciphertext"]}
            case "/batch-decrypt":
                answer = {"plaintexts": {each: each for each in json.loads(body)["ciphertexts"]}}
            case _:
                answer = self.server.answers.get(f"{self.command} {self.path.partition('?')[0]}", {})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, format: str, *args: object) -> None:
        pass


def esc_value(value: Any) -> dict[str, Any]:
    """A value as ESC returns it: each part by itself, and marked if it is secret."""
    match value:
        case {"fn::secret": secret}:
            return {"value": secret, "secret": True}
        case dict():
            return {"value": {key: esc_value(each) for key, each in value.items()}}
        case list():
            return {"value": [esc_value(each) for each in value]}
        case _:
            return {"value": value}


def planned(environment: dict[str, str], stack: str) -> dict[str, Any]:
    """The resources that a preview plans, by URN, with their inputs."""
    finished = subprocess.run(
        [TOOLS / "bin" / "pulumi", "preview", "--stack", stack, "--json", "--non-interactive"],
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr
    return {step["urn"]: step["newState"].get("inputs") for step in json.loads(finished.stdout)["steps"]}


@pytest.fixture(scope="module")
def plans(cloud: RunningCloud, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plan stack `local` from its stack file, then from an environment and the rest of the stack file."""
    engine = Engine(ROOT, tmp_path_factory.mktemp("stack"), cloud.environment())
    configure(engine, cloud)
    engine.config_set("breakglass:alerts.monitoring.pagers.pagerduty", PAGER, secret=True, path=True)
    with stack_file(engine) as config:
        watch_own_sets(config)
        whole = json.loads(json.dumps(config))
    environment = {**os.environ, **cloud.environment(), **engine.environment()}
    from_file = planned(environment, "local")

    whole["breakglass:slackBotToken"] = {"fn::secret": cloud.bot_token}
    whole["breakglass:slackSigningSecret"] = {"fn::secret": cloud.slack_signing_secret}
    whole["breakglass:alerts"]["monitoring"]["pagers"]["pagerduty"] = {"fn::secret": PAGER}
    channel = whole["breakglass:alerts"]["slack"]["channel"]
    whole["breakglass:alerts"]["slack"]["channel"] = "C0OVERRULED1"
    # The CLI gives a key without a namespace the project's name.
    whole["tags"] = whole.pop("breakglass:tags")
    Path(environment["PULUMI_OPTION_CONFIG_FILE"]).write_text(
        yaml.safe_dump(
            {
                "environment": ["breakglass/local"],
                "config": {"breakglass:alerts": {"slack": {"channel": channel}}},
            }
        )
    )
    with PulumiCloud(esc_value(whole)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        environment["PULUMI_BACKEND_URL"] = f"http://127.0.0.1:{server.server_port}"
        environment["PULUMI_ACCESS_TOKEN"] = "pul-local"
        from_environment = planned(environment, "acme/breakglass/local")
        server.shutdown()
        thread.join()
    return from_file, from_environment


def test_environment_plans_the_resources_of_the_stack_file(plans: tuple[dict[str, Any], dict[str, Any]]) -> None:
    from_file, from_environment = plans

    assert len(from_file) > 50
    assert any("Subscription::local-monitoring-pagerduty" in urn for urn in from_file)
    assert from_environment == from_file
    assert PAGER not in json.dumps(plans)
