"""Print a JSON schema: of LINE.toml, for editors that complete and check as you type, or of the
verdict, for whatever subscribes to it.

  edge config schema > line.schema.json
  edge config verdict > verdict.schema.json
"""

import argparse
import json
import sys

from pydantic import BaseModel

from edge.config import Line
from edge.verdict import Verdict

SCHEMAS: dict[str, type[BaseModel]] = {"schema": Line, "verdict": Verdict}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("what", choices=sorted(SCHEMAS), help="schema: of LINE.toml")


def run(options: argparse.Namespace) -> int:
    json.dump(SCHEMAS[options.what].model_json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return 0
