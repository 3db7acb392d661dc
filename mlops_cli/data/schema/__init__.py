"""Schemas: what the columns of a table look like, in a YAML file that people read and edit."""

from mlops_cli.data.schema.columns import TYPES, ColumnSchema, TableSchema
from mlops_cli.data.schema.inference import infer
from mlops_cli.data.schema.reading import read

__all__ = ["TYPES", "ColumnSchema", "TableSchema", "infer", "read"]
