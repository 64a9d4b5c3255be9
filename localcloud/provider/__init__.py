"""The local cloud's stand-in for Pulumi's AWS provider.

The engine starts it as `pulumi-resource-aws`. It serves exactly the resource types and functions that this project
uses, with the tokens, inputs, outputs, IDs and replacement rules of pulumi-aws 7. botocore makes the AWS calls and
checks them against AWS's own API models.

- `resource`: the declaration of a resource type or function (inputs, defaults, replacement, secrets);
- one module per AWS service with declarations and AWS calls (`events`, `ssoadmin`, `sqs`, ...);
- `registry`: all of them by token;
- `protocol`: the provider protocol (check, diff, create, read, update, delete, invoke) for all types;
- `values`: wire values as plain Python values; `aws`: the AWS calls and their errors; `server`: the gRPC server.

Refresh finds no drift in a value that AWS does not return: a connection's API key.

Non-goals: endpoints outside loopback, other resource types, inputs and provider settings, and imports. Each is an
error.
"""
