"""The event fields that may go into a message, each with its alphabet.

A quote in a value is dangerous. AWS's guide says that values are not escaped, so a quote would end the text. AWS's
recorded answers say: escaped in the message for Slack, whose template is an object; unescaped in the e-mail, whose
template is a string. Broken JSON is never sent and ends as a dead letter with `INVALID_JSON`. The two sources disagree.
So only `FIELDS` are inserted, whose alphabets have nothing to escape. Never inserted are:

- free text: userAgent, errorMessage, policies, the names of alarms, the address of the page behind a sign-in (LoginTo);
- the ARN of an IAM user, whose path may have quotes; the caller is named by `CALLER` instead;
- lists and objects, which are inserted as JSON, with its quotes;
- the whole event, with its credentials.

The alphabets are AWS's, so they hold for CloudTrail's events only. Of any other event only the fields of the envelope
may be inserted (`breakglass.alerts.drills`).
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """A field of a matched event that may go into a message.

    The alphabet is the regular expression of one character; none needs escaping in JSON or is markup in a code span.
    """

    path: str
    alphabet: str
    longest: int


_NAME = r"[A-Za-z0-9_+=,.@-]"
_ARN = r"[A-Za-z0-9_+=,.@:/-]"
_PARAMETERS = "$.detail.requestParameters"
_IDENTITY = "$.detail.userIdentity"
_ENTITLEMENT = f"{_PARAMETERS}.entitlement.principalRole"

FIELDS: Mapping[str, Field] = {
    # "AWS events" (Amazon EventBridge User Guide): the envelope, which the sender of an event can't fill with text.
    "envelopeId": Field("$.id", r"[0-9a-f-]", 36),
    "envelopeTime": Field("$.time", r"[0-9TZ:.-]", 30),
    "envelopeAccount": Field("$.account", r"[0-9]", 12),
    "envelopeRegion": Field("$.region", r"[a-z0-9-]", 32),
    # "CloudTrail record contents for management, data, and network activity events" (AWS CloudTrail User Guide)
    "eventId": Field("$.detail.eventID", r"[0-9A-Za-z-]", 36),
    # Names of Lambda's events have a date at the end.
    "eventName": Field("$.detail.eventName", r"[A-Za-z0-9_]", 64),
    "eventSource": Field("$.detail.eventSource", r"[a-z0-9.-]", 64),
    "errorCode": Field("$.detail.errorCode", r"[A-Za-z0-9._-]", 64),
    "time": Field("$.detail.eventTime", r"[0-9TZ:-]", 20),
    "region": Field("$.detail.awsRegion", r"[a-z0-9-]", 32),
    "account": Field("$.detail.recipientAccountId", r"[0-9]", 12),
    # The address of a person's machine in the records it is used for; not in those of STS, which Identity Center calls.
    "address": Field("$.detail.sourceIPAddress", r"[0-9A-Za-z.: -]", 128),
    # AssumeRole: RoleSessionName (AWS STS API Reference)
    "sessionName": Field(f"{_PARAMETERS}.roleSessionName", _NAME, 64),
    # A session's ARN is made of an account id, a role name and a session name.
    "session": Field(f"{_IDENTITY}.arn", _ARN, 192),
    "startedSession": Field("$.detail.responseElements.assumedRoleUser.arn", _ARN, 192),
    # "CloudTrail userIdentity element" (AWS CloudTrail User Guide)
    "callerType": Field(f"{_IDENTITY}.type", r"[A-Za-z]", 32),
    "callerAccount": Field(f"{_IDENTITY}.accountId", r"[0-9]", 12),
    "callerKey": Field(f"{_IDENTITY}.accessKeyId", r"[A-Z0-9]", 128),
    "callerService": Field(f"{_IDENTITY}.invokedBy", r"[A-Za-z0-9. -]", 128),
    # The next three hold for callers that sign their request. An identity provider may write others into the records
    # of AssumeRoleWithSAML, AssumeRoleWithWebIdentity and the access portal.
    "callerName": Field(f"{_IDENTITY}.userName", _NAME, 64),
    "callerRole": Field(f"{_IDENTITY}.sessionContext.sessionIssuer.userName", _NAME, 64),
    "callerId": Field(f"{_IDENTITY}.principalId", r"[A-Za-z0-9_+=,.@:-]", 128),
    "userId": Field(f"{_IDENTITY}.onBehalfOf.userId", r"[0-9A-Za-z-]", 47),
    "mfaUsed": Field("$.detail.additionalEventData.MFAUsed", r"[A-Za-z]", 8),
    "mfaInSession": Field(f"{_IDENTITY}.sessionContext.attributes.mfaAuthenticated", r"[a-z]", 8),
    # arn:aws:signin:::devtools/same-device, cross-device, or an agent's ID behind a region.
    "client": Field(f"{_PARAMETERS}.client_id", r"[A-Za-z0-9:/_.-]", 128),
    # An event of the access portal has one of these two: the first as a service event, the second as an API call. In a
    # refused API call the caller chooses the second, so it is shown of successful calls only. Calls to Organizations
    # have their account there, too.
    "targetAccount": Field("$.detail.serviceEventDetails.account_id", r"[0-9]", 12),
    # AddRegion: RegionName (IAM Identity Center API Reference)
    "addedRegion": Field(f"{_PARAMETERS}.regionName", r"[a-z0-9-]", 32),
    "requestedAccount": Field(f"{_PARAMETERS}.accountId", r"[0-9]", 12),
    # AssumeRoot: the account or the ARN of its root user, and the policy of the task (AWS STS API Reference).
    "rootAccount": Field(f"{_PARAMETERS}.targetPrincipal", r"[0-9A-Za-z:-]", 64),
    "rootTask": Field(f"{_PARAMETERS}.taskPolicyArn.arn", r"[A-Za-z0-9:/-]", 128),
    # CreateAccountAssignment (IAM Identity Center API Reference)
    "setArn": Field(f"{_PARAMETERS}.permissionSetArn", r"[A-Za-z0-9:/-]", 128),
    "assignedAccount": Field(f"{_PARAMETERS}.targetId", r"[0-9]", 12),
    "principalType": Field(f"{_PARAMETERS}.principalType", r"[A-Z]", 8),
    "assignedTo": Field(f"{_PARAMETERS}.principalId", r"[0-9A-Za-z-]", 47),
    # AddMemberToGroup of the console, and CreateGroupMembership (Identity Store API Reference)
    "groupId": Field(f"{_PARAMETERS}.groupId", r"[0-9A-Za-z-]", 47),
    "consoleMember": Field(f"{_PARAMETERS}.member.memberId", r"[0-9A-Za-z-]", 47),
    "member": Field(f"{_PARAMETERS}.memberId.userId", r"[0-9A-Za-z-]", 47),
    # CreateEntitlement; the rule matches exact ARNs of the stack file only.
    "entitledRole": Field(f"{_ENTITLEMENT}.roleArn", _ARN, 640),
    "entitledUser": Field(f"{_ENTITLEMENT}.principal.identityCenter.userId", r"[0-9A-Za-z-]", 47),
    "entitledGroup": Field(f"{_ENTITLEMENT}.principal.identityCenter.groupId", r"[0-9A-Za-z-]", 47),
    # The resources of an accepted call exist, so their names have the alphabets of their services.
    "rule": Field(f"{_PARAMETERS}.rule", r"[A-Za-z0-9._-]", 64),
    # Of EventBridge alone: other services take any text for a name.
    "eventsName": Field(f"{_PARAMETERS}.name", r"[A-Za-z0-9/._-]", 256),
    "function": Field(f"{_PARAMETERS}.functionName", r"[A-Za-z0-9:_$-]", 170),
    "table": Field(f"{_PARAMETERS}.tableName", r"[A-Za-z0-9_.:/-]", 316),
    "topic": Field(f"{_PARAMETERS}.topicArn", r"[A-Za-z0-9_.:-]", 304),
    "secret": Field(f"{_PARAMETERS}.secretId", r"[A-Za-z0-9/_+=.@:-]", 584),
    "machine": Field(f"{_PARAMETERS}.stateMachineArn", r"[A-Za-z0-9_.:/-]", 230),
    "api": Field(f"{_PARAMETERS}.apiId", r"[a-z0-9]", 16),
    "bucket": Field(f"{_PARAMETERS}.bucketName", r"[A-Za-z0-9.-]", 63),
    "roleName": Field(f"{_PARAMETERS}.roleName", _NAME, 64),
    "policyId": Field(f"{_PARAMETERS}.policyId", r"[A-Za-z0-9_-]", 130),
    "policyType": Field(f"{_PARAMETERS}.policyType", r"[A-Z_]", 48),
    "service": Field(f"{_PARAMETERS}.servicePrincipal", r"[a-z0-9.-]", 128),
    "disabledRegion": Field(f"{_PARAMETERS}.RegionName", r"[a-z0-9-]", 32),
}
"""All fields that may be inserted, by the name of their placeholder."""

CALLER = "<callerType> <callerName><callerRole> <callerId>"
"""A caller that signed its request: its type, the name of the user or role, and its ID with the session's name."""
