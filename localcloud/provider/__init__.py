"""The local cloud's stand-in for the AWS provider of Pulumi.

A Pulumi provider in Python that the real engine starts as `pulumi-resource-aws`. It serves the resource types and
functions this project's components use, with the tokens, inputs, outputs, ids and replacement rules of pulumi-aws 7,
and turns each into AWS calls by botocore, which checks their inputs against AWS's own API models.

How it is laid out:

- `resource`: what a resource type or function declares (inputs, defaults, what replaces, what is secret);
- one module per AWS service with those declarations and their AWS calls (`events`, `ssoadmin`, `sqs`, ...);
- `registry`: all of them by token;
- `protocol`: the provider protocol (check, diff, create, read, update, delete, invoke), written once for all types;
- `values`: the engine's wire values as plain Python values; `aws`: the AWS calls, their errors, and the refusal to
  talk to anything but this machine; `server`: the gRPC server.

What the emulators don't tell, so that refresh can't find drift in it: the value of a connection's API key (AWS doesn't
tell either), the ARN of EventBridge's own copy of it (the output `secretArn` stays empty), the metric queries of an
alarm, and whether a state machine is traced. Everything else of a resource is read back after each change.

Non-goals: it is no provider for AWS. It refuses every endpoint that isn't on loopback, every resource type, input and
provider setting it doesn't know, and imports.
"""
