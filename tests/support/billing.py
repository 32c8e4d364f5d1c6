"""Cost Explorer as tests need it."""

from __future__ import annotations

from typing import Any

from foundation.naming import TAG_KEYS


class Billing:
    """Cost Explorer, where one more key appears with each look."""

    def __init__(self, known: int, *, appears: bool = True, refuses: str = "") -> None:
        self.status = dict.fromkeys(TAG_KEYS[:known], "Inactive")
        self.changes = 0
        self._appears, self._refuses = appears, refuses

    def list_cost_allocation_tags(self, **request: Any) -> dict[str, Any]:
        assert request == {"TagKeys": list(TAG_KEYS), "Type": "UserDefined"}
        answer = [{"TagKey": key, "Type": "UserDefined", "Status": status} for key, status in self.status.items()]
        if self._appears and len(self.status) < len(TAG_KEYS):
            self.status[TAG_KEYS[len(self.status)]] = "Inactive"
        return {"CostAllocationTags": answer}

    def update_cost_allocation_tags_status(self, **request: Any) -> dict[str, Any]:
        self.changes += 1
        for wanted in request["CostAllocationTagsStatus"]:
            if wanted["TagKey"] == self._refuses:
                return {"Errors": [{"TagKey": self._refuses, "Code": "Denied", "Message": "not you"}]}
            self.status[wanted["TagKey"]] = wanted["Status"]
        return {"Errors": []}
