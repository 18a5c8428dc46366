"""What all sections of the configuration have in common."""

from typing import Any

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler


class Section(BaseModel):
    """A part of the configuration: unknown keys are errors, nothing is converted, all is frozen."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, protected_namespaces=()
    )


class Named(Section):
    """A section that may be written as its name alone: ``optimizer: adam``."""

    name: str

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Allow the name alone in the JSON Schema too, which editors check files against."""
        return {"anyOf": [{"type": "string"}, handler(schema)]}


class NamedWithArguments(Named):
    """A section that names a class, with the arguments of that class as further keys."""

    model_config = ConfigDict(extra="allow")

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments for the class, as written, without the keys that the section has."""
        return dict(self.model_extra or {})
