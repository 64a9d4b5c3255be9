"""Checks that ARNs and KMS keys belong to the region of their section."""

from collections.abc import Iterator

from pydantic import TypeAdapter

from breakglass.stack_file.base import RawValue, duplicate_faults
from breakglass.stack_file.faults import Fault
from breakglass.stack_file.types import KmsKeyArn, Region
from breakglass.vocabulary import partition_of_region

_KMS_KEY_ARN = TypeAdapter(KmsKeyArn)
_REGION = TypeAdapter(Region)


def partition_faults(arn: RawValue, adapter: TypeAdapter[str], region: RawValue, consequence: str) -> Iterator[Fault]:
    """Yield a fault if the ARN is in another partition than the region."""
    here, written = region.valid(_REGION), arn.valid(adapter)
    if not here or not written:
        return
    partition, expected = written.split(":")[1], partition_of_region(here)
    if partition != expected:
        yield arn.fault(
            f"The ARN is in the partition {partition}, and {here} is in the partition {expected}; no request crosses "
            f"partitions. {consequence}",
            f"Write an ARN that begins with arn:{expected}:, or correct `region`. Another partition needs its own "
            "stack.",
        )


def spoke_region_faults(regions: RawValue, region: RawValue) -> Iterator[Fault]:
    """Yield faults of regions of spokes: duplicates, another partition, and a list without the stack's own."""
    yield from duplicate_faults(regions)
    here = region.valid(_REGION)
    if not here:
        return
    expected = partition_of_region(here)
    for each in regions:
        written = each.valid(_REGION)
        if written and partition_of_region(written) != expected:
            yield each.fault(
                f"The region is in the partition {partition_of_region(written)}, and {here} is in the partition "
                f"{expected}; no event crosses partitions.",
                "Delete it here. Another partition needs a hub of its own.",
            )
    if isinstance(regions.value, list) and regions.value and here not in [each.value for each in regions]:
        yield regions.fault(
            f"The list lacks {here}, the region of this stack, whose events would not be forwarded.",
            f"Add {here}, or correct `region`.",
        )


def key_region_faults(key: RawValue, region: RawValue, encrypted: str, consequence: str) -> Iterator[Fault]:
    """Yield a fault if the KMS key is in another region than what it encrypts."""
    here, arn = region.valid(_REGION), key.valid(_KMS_KEY_ARN)
    if not here or not arn:
        return
    _, partition, _, key_region, *_ = arn.split(":")
    expected = partition_of_region(here)
    if (partition, key_region) != (expected, here):
        yield key.fault(
            f"The key is in {key_region} (partition {partition}), and the region of {encrypted} is {here} (partition "
            f"{expected}): {consequence}.",
            f"Write the ARN of a key in {here}; of a multi-region key (mrk-...), that of its replica there.",
        )
