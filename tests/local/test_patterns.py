"""Every pattern on every record, by MiniStack's TestEventPattern and by the independent matcher: the same verdicts.

Not shown here: that EventBridge itself accepts the patterns (docs/live-checks.md).
"""

import pytest

from breakglass.alerts.drills import drill_pattern
from breakglass.alerts.patterns import event_pattern
from breakglass.alerts.subjects import PermissionSetSubject, Role, RoleSubject
from localcloud.cloud import MANAGEMENT_ACCOUNT, REGION, RunningCloud
from localcloud.emulators.cloudtrail import as_event
from localcloud.records import Record, load_records
from tests.events.matcher import matches

pytestmark = pytest.mark.local

RECORDS = list(load_records())
# Those of stack `local`.
SUBJECTS: tuple[Role, ...] = (
    PermissionSetSubject("devops-break-glass"),
    PermissionSetSubject("network-break-glass"),
    PermissionSetSubject("DatabaseAdmin"),
    RoleSubject("arn:aws:iam::222222222222:role/emergency-operator"),
)
PATTERNS = {
    (subject.key, path.value): event_pattern(subject, path) for subject in SUBJECTS for path in subject.evidence_paths
} | {(subject.key, "drill"): drill_pattern(subject) for subject in SUBJECTS}


@pytest.mark.parametrize("record", RECORDS, ids=[record.file for record in RECORDS])
def test_both_matchers_agree_with_the_expectation(cloud: RunningCloud, record: Record) -> None:
    event = as_event(record.content, account=MANAGEMENT_ACCOUNT, region=REGION)
    emulated = {key: cloud.test_event_pattern(pattern, event) for key, pattern in PATTERNS.items()}
    independent = {key: matches(pattern, event) for key, pattern in PATTERNS.items()}
    assert emulated == independent
    assert tuple(sorted(kind for (_, kind), hit in emulated.items() if hit)) == record.expected
