"""The runbooks about approvals name the key policy and the logs of the code.

Tables of permissions, states, alarms, costs and log events are generated (see test_generated_documents.py).
"""

import json
import re
import subprocess
from fnmatch import fnmatchcase

from breakglass.iam.app_roles import function_permissions
from breakglass.naming import AppFunction
from docs.generate_tables import ARNS, FOLDER, FULL

RUNBOOKS = FOLDER / "runbooks"


def test_key_policy_allows_what_the_functions_are_allowed() -> None:
    page = (RUNBOOKS / "first-deploy.md").read_text(encoding="utf-8")
    (snippet,) = re.findall(r"^```json\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL)
    allowed = [each["Condition"] for each in json.loads(snippet)]
    asked = [
        each["Condition"]["StringEquals"]
        for each in function_permissions(AppFunction.provisioner, FULL)["Statement"]
        if each["Resource"] == FULL.identity_center_key_arn
    ]

    assert len(asked) == 2
    assert [each["StringEquals"] for each in allowed] == [
        {key: value if isinstance(value, str) else value[0] for key, value in each.items()} for each in asked
    ]
    roles = {f"arn:aws:iam::{ARNS.account}:role/{ARNS.names.function(app_function)}" for app_function in AppFunction}
    for each in allowed:
        patterns = each["ArnLike"]["aws:PrincipalArn"]
        assert all(any(fnmatchcase(role, pattern) for pattern in patterns) for role in roles)


def test_runbook_reads_the_logs_where_they_are() -> None:
    page = (RUNBOOKS / "access-did-not-come.md").read_text(encoding="utf-8")
    commands = re.findall(r"^ *(aws logs tail .*?) --region", page, flags=re.MULTILINE)
    script = "\n".join(['aws() { echo "$3"; }', f"MACHINE={ARNS.machine_arn}", *commands])

    read = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)

    assert read.stdout.split() == [ARNS.names.machine_log, ARNS.names.function(AppFunction.provisioner)]
