"""The settings of a stack file that its stack has as outputs.

Commands need them, and no resource shows them.

Non-goals: outputs that only a deployment knows (see `__main__.py`).
"""

from typing import Any

from breakglass.stack_file.stack import StackFile


def settings_outputs(stack_file: StackFile) -> dict[str, Any]:
    """Return the outputs by their names, which `breakglass.cli.stack_outputs` describes."""
    alerts, spoke = stack_file.alert_path, stack_file.spoke
    door = alerts.watch.independent_door if alerts else None
    organization = alerts.organization if alerts else None
    outputs: dict[str, Any] = {}
    if door:
        seconds = door.rehearse_every_days * 86_400
        outputs["independentDoor"] = {"roles": door.roles, "users": door.users, "rehearseSeconds": seconds}
    if alerts and alerts.global_events_stack:
        outputs["globalEventsStack"] = alerts.global_events_stack
    if organization:
        spokes = organization.spokes
        outputs["organization"] = {
            "id": organization.id,
            "regions": spokes.regions,
            "units": spokes.units,
            "exclude": spokes.exclude,
            "callAs": spokes.call_as.value,
            "rollCall": organization.has_roll_call,
        }
    if spoke:
        outputs["spoke"] = {"regions": spoke.all_regions, "forwardTo": spoke.forward_to}
    return outputs
