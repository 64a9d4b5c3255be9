"""Serves the components to Pulumi programs in any language; the Pulumi CLI runs it as a plugin."""

import sys
from importlib.metadata import version

import pulumi
from pulumi.errors import InputPropertiesError
from pulumi.provider import main
from pulumi.provider.experimental.analyzer import PropertyDefinition
from pulumi.provider.experimental.component import ComponentProvider
from pulumi.provider.provider import ConstructResult
from pulumi.provider.server import ComponentInitError

import breakglass
from breakglass import BreakglassError

COMPONENTS: list[type[pulumi.ComponentResource]] = [
    breakglass.AccessAlert,
    breakglass.AlarmTopics,
    breakglass.AlertHub,
    breakglass.Approvals,
    breakglass.BreakGlass,
    breakglass.DrillSchedule,
    breakglass.PermissionSetPair,
    breakglass.RollCall,
    breakglass.SlackConnection,
    breakglass.SlackDelivery,
    breakglass.SlackDestination,
    breakglass.SlackProbe,
    breakglass.Spoke,
    breakglass.SpokeSet,
    breakglass.TamperAlert,
    breakglass.UsageAlert,
    breakglass.UsageMonitoring,
    breakglass.Witness,
]


class Provider(ComponentProvider):
    """Pulumi's provider of components, with two repairs for version 3.272 of its SDK."""

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Register a component; wrong arguments are reported without a Python traceback.

        Raises:
            InputPropertiesError: The arguments are wrong.
        """
        try:
            return super().construct(name, resource_type, inputs, options)
        except ComponentInitError as error:
            if isinstance(error.inner, BreakglassError):
                raise InputPropertiesError(str(error.inner)) from None
            raise

    def map_input_properties(
        self,
        inputs: pulumi.Inputs,
        properties: dict[str, PropertyDefinition],
        mapping: dict[str, str],
        component_name: str,
        property_path: str,
    ) -> pulumi.Inputs:
        """Give inputs their Python names.

        The SDK turns each member of a list of enums into an empty mapping; here it stays.
        """
        if not isinstance(inputs, dict):
            return inputs
        return super().map_input_properties(inputs, properties, mapping, component_name, property_path)


if __name__ == "__main__":
    main(Provider(COMPONENTS, "breakglass", version=version("breakglass")), sys.argv[1:])
