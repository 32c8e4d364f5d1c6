"""Amazon S3: buckets, for resources that stand beside the estate's components (docs/escape-hatch.md)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from local_aws.provider.model import Call, Change, Parameters, ResourceType, changes_in, words
from local_aws.provider.wire import Properties


def _is_tagged(change: Change) -> bool:
    return change.changed("tagsAll") and bool(change.new.get("tagsAll"))


def _is_untagged(change: Change) -> bool:
    return change.changed("tagsAll") and not change.new.get("tagsAll")


def _tag_set(change: Change) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in change.new["tagsAll"].items()]}


def _location(change: Change) -> dict[str, str] | None:
    """Return the region, which us-east-1 alone must not name ("CreateBucket")."""
    region = change.session.region
    return None if region == "us-east-1" else {"LocationConstraint": region}


def _objects(change: Change) -> Sequence[Parameters]:
    """Return the objects that go with a bucket: none, unless it was made so; AWS refuses to delete a full one."""
    found: list[Parameters] = []
    token: dict[str, str] = {}
    while change.old.get("forceDestroy"):
        page = change.session.call("s3", "list_objects_v2", {"Bucket": change.id, **token})
        found += [{"Key": one["Key"]} for one in page.get("Contents", [])]
        if not page.get("IsTruncated"):
            break
        token = {"ContinuationToken": page["NextContinuationToken"]}
    return found


def _arn(record: Properties) -> str:
    return f"arn:aws:s3:::{record['_id']}"


# The rules for bucket names in the user guide of S3.
_NAME: Final = (
    r"(?!xn--|sthree-|amzn-s3-demo-|.*\.\.|(\d+\.){3}\d+$|.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"[a-z0-9][a-z0-9.-]+[a-z0-9]"
)
# S3 has one document for all tags of a bucket.
_PUT_TAGS = Call("put_bucket_tagging", {"Bucket": "{bucket}", "Tagging": _tag_set}, _is_tagged)

_BUCKET = ResourceType(
    token="aws:s3/bucket:Bucket",
    service="s3",
    gone=("NoSuchBucket", "404", "NoSuchTagSet"),
    create=[
        Call("create_bucket", {"Bucket": "{bucket}", "CreateBucketConfiguration": _location}, auto=False),
        _PUT_TAGS,
    ],
    read=[
        (Call("head_bucket", {"Bucket": "{id}"}, auto=False), "@"),
        (Call("get_bucket_tagging", {"Bucket": "{id}"}, auto=False), "{Tags: TagSet}"),
    ],
    outputs={
        "arn": _arn,
        "bucket": "_id",
        "bucketRegion": "_region",
        "bucketDomainName": lambda record: f"{record['_id']}.s3.amazonaws.com",
        "bucketRegionalDomainName": lambda record: f"{record['_id']}.s3.{record['_region']}.amazonaws.com",
    },
    update=[_PUT_TAGS, Call("delete_bucket_tagging", {"Bucket": "{id}"}, _is_untagged, auto=False)],
    delete=[
        Call("delete_object", {"Bucket": "{id}"}, lambda _: True, _objects, auto=False),
        Call("delete_bucket", {"Bucket": "{id}"}, auto=False),
    ],
    id=("{bucket}",),
    force_new={"bucket"},
    defaults={"forceDestroy": False},
    kept={"forceDestroy"},
    unsupported=words(
        "accelerationStatus acl bucketNamespace bucketPrefix corsRules grants lifecycleRules logging "
        "objectLockConfiguration objectLockEnabled policy replicationConfiguration requestPayer "
        "serverSideEncryptionConfiguration versioning website"
    ),
    named="bucket",
    name_limit=63,
    limits={"bucket": {"min": 3, "pattern": _NAME}},
)

_BLOCKS: Final = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")


def _blocked(change: Change) -> dict[str, bool]:
    return {name[0].upper() + name[1:]: bool(change.new.get(name)) for name in _BLOCKS}


_PUT_BLOCK = Call(
    "put_public_access_block",
    {"Bucket": "{bucket}", "PublicAccessBlockConfiguration": _blocked},
    changes_in(*_BLOCKS),
    auto=False,
)
_PUBLIC_ACCESS_BLOCK = ResourceType(
    token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    service="s3",
    gone=("NoSuchBucket", "NoSuchPublicAccessBlockConfiguration"),
    create=[_PUT_BLOCK],
    read=[(Call("get_public_access_block", {"Bucket": "{id}"}, auto=False), "PublicAccessBlockConfiguration")],
    outputs={"bucket": "_id"},
    update=[_PUT_BLOCK],
    delete=[Call("delete_public_access_block", {"Bucket": "{id}"}, auto=False)],
    id=("{bucket}",),
    force_new={"bucket"},
    defaults=dict.fromkeys(_BLOCKS, False),
    unsupported=words("skipDestroy"),
)

TYPES: Final = (_BUCKET, _PUBLIC_ACCESS_BLOCK)
