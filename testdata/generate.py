#!/usr/bin/env python3
"""Write the test files of testdata/README.md below build/testdata: the same bytes on every run."""

import argparse
import pathlib
import sys

from recipes import charsets, ct_phantom, documents, encapsulated, enhanced, identity, malformed, meta, native, pictures, presentation, structure
from recipes.catalogue import Catalogue

RECIPES = (native, encapsulated, enhanced, pictures, presentation, documents, structure, charsets, meta, malformed, identity, ct_phantom)


def main():
    root = pathlib.Path(__file__).resolve().parent.parent
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", default=root / "build" / "testdata", help="folder to fill; emptied first")
    arguments = parser.parse_args()
    catalogue = Catalogue(arguments.out)
    for recipe in RECIPES:
        recipe.make(catalogue)
    catalogue.write_manifest()
    size = sum(entry["bytes"] for entry in catalogue.entries)
    print(f"{len(catalogue.entries)} files, {size / 1e6:.1f} MB in {catalogue.root}", file=sys.stderr)


if __name__ == "__main__":
    main()
