"""Facts of the provider's SDK about resource types."""

import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

_SETS_TAGS = 'pulumi.set(__self__, "tags", tags)'


@cache
def has_tags(type_: str) -> bool:
    """True if a type of AWS's (`aws:s3/bucket:Bucket`) takes tags, as the SDK has it; also for one it does not know.

    Read from the SDK's source: its modules take a moment to load.
    """
    spec = find_spec("pulumi_aws")
    service, _, name = type_.partition(":")[2].partition(":")[0].partition("/")
    folder = "lambda_" if service == "lambda" else service.lower()
    file = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower() + ".py"
    for place in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(place, folder, file)
        if path.is_file():
            return _SETS_TAGS in path.read_text(encoding="utf-8")
    return True
