"""The JSON Schema of a stack file, generated from the models, for completion and checks in editors.

`python -m breakglass.stack_file.schema` writes it beside the stack files. It says what an editor can check: shapes,
alphabets and choices, and what each key means.

Rules between keys are checked by `check.check_stack` at every preview.

Non-goals: the keys of other namespaces (`aws:region` aside), which Pulumi's providers check themselves.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from breakglass.stack_file.base import describe_fields
from breakglass.stack_file.secret_keys import NAMESPACE
from breakglass.stack_file.stack import StackKeys

SCHEMA_FILE = Path("stacks/breakglass.schema.json")
"""Where the schema is committed, relative to the root of the repository."""

# The dialect that the YAML language server knows whole: https://github.com/redhat-developer/yaml-language-server
_DIALECT = "http://json-schema.org/draft-07/schema#"


class EditorSchema(GenerateJsonSchema):
    """Omits titles and null, which are noise in an editor, and describes each key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        """Return that no field has a title."""
        return False

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Return the schema of a model with the descriptions of its fields."""
        model: type[BaseModel] = schema["cls"]
        described = super().model_schema(schema)
        describe_fields(model)
        for name, field in model.model_fields.items():
            key = field.alias if self.by_alias and field.alias else name
            if field.description and key in described.get("properties", {}):
                described["properties"][key].setdefault("description", field.description)
        return described

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return the schema of the value without null."""
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return the schema with the default, unless that is null."""
        if schema.get("default", 0) is None:
            return self.generate_inner(schema["schema"])
        return super().default_schema(schema)


def stack_file_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft-07) of a whole `Pulumi.<stack>.yaml`."""
    keys = StackKeys.model_json_schema(ref_template="#/definitions/{model}", schema_generator=EditorSchema)
    known = "|".join(keys["properties"])
    return {
        "$schema": _DIALECT,
        "title": "Stack file of breakglass",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "properties": {
                    "aws:region": {
                        "type": "string",
                        "description": "The provider's default region. Every resource names its own all the same.",
                    },
                    **{NAMESPACE + key: value for key, value in keys["properties"].items()},
                },
                # Other namespaces are free; in ours a typo is an error.
                "patternProperties": {f"^{NAMESPACE}(?!({known})$)": False},
            }
        },
        "definitions": keys["$defs"],
    }


def schema_text() -> str:
    """Return the text of the committed schema file."""
    return json.dumps(stack_file_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), encoding="utf-8")
