"""Serves the stand-in to the engine over gRPC.

The server of `pulumi.provider.experimental` answers every failure with a Python traceback. Here a failed operation
gives its one readable sentence, and a resource that was made but couldn't be read is reported so that the engine keeps
its id. Unexpected errors keep their traceback.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from localcloud.emulators.process import collect_rarely, exit_with_parent
from localcloud.provider.protocol import CreatedButUnreadableError, StandIn, StandInError

_MESSAGE_LIMIT = 64 * 1024 * 1024

Context = grpc.aio.ServicerContext[Any, Any]
Rpc = Callable[[Any, Context], Awaitable[Any]]


class Servicer(ProviderServicer):
    """The provider's gRPC methods, with readable errors."""

    async def Configure(self, request: Any, context: Context) -> Any:  # noqa: N802, the name of the RPC
        return await _readable(super().Configure, request, context)

    async def Create(self, request: Any, context: Context) -> Any:  # noqa: N802, the name of the RPC
        return await _readable(super().Create, request, context)

    async def Read(self, request: Any, context: Context) -> Any:  # noqa: N802, the name of the RPC
        return await _readable(super().Read, request, context)

    async def Update(self, request: Any, context: Context) -> Any:  # noqa: N802, the name of the RPC
        return await _readable(super().Update, request, context)

    async def Delete(self, request: Any, context: Context) -> Any:  # noqa: N802, the name of the RPC
        return await _readable(super().Delete, request, context)

    async def Invoke(self, request: Any, context: Context) -> Any:  # noqa: N802, the name of the RPC
        return await _readable(super().Invoke, request, context)


async def _readable(rpc: Rpc, request: Any, context: Context) -> Any:
    try:
        return await rpc(request, context)
    except Exception as error:
        cause = error.__context__  # the base class raises a new error while it handles ours
        if isinstance(cause, CreatedButUnreadableError):
            context.set_trailing_metadata((("grpc-status-details-bin", init_failed(cause)),))
        if isinstance(cause, StandInError):
            await context.abort(grpc.StatusCode.UNKNOWN, str(cause))
        raise


def init_failed(error: CreatedButUnreadableError) -> bytes:
    """The gRPC status details of a resource that was created and then failed."""
    properties = PropertyValue.marshal_map(error.properties)
    detail = provider_pb2.ErrorResourceInitFailed(
        id=error.resource_id, properties=properties, inputs=properties, reasons=[str(error)]
    )
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    status.details.add().Pack(detail)
    return status.SerializeToString()


async def serve(engine_address: str) -> None:
    """Serves until the engine ends the process; tells it the port on standard output, as the protocol demands."""
    limits = [("grpc.max_receive_message_length", _MESSAGE_LIMIT), ("grpc.max_send_message_length", _MESSAGE_LIMIT)]
    server = grpc.aio.server(options=limits)
    # The engine compares the version with that of the package the program imports.
    servicer = Servicer([], version("pulumi-aws"), StandIn(), engine_address)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    try:
        await server.wait_for_termination()
    finally:
        await server.stop(None)


def main(arguments: list[str]) -> None:
    """Runs the provider process; the engine's address is the first argument that is no flag."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        sys.exit("pulumi-resource-aws is started by the Pulumi engine, which passes its address; run `pulumi` instead")
    # The engine holds the other end of standard input. It puts its plugins into process groups of their own, so that
    # Ctrl-C doesn't reach them, and leaves them behind if it is ended itself.
    exit_with_parent()
    collect_rarely()
    try:
        asyncio.run(serve(addresses[0]))
    except KeyboardInterrupt:
        return
