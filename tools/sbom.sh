#!/bin/sh
# Writes dist/pydarknet.cdx.json: what an installation of the package brings, with versions and licences. The tool that
# looks is in an environment of its own, so that it isn't in the list.
set -eu
rm -rf build/sbom
"$1" -m venv build/sbom/tool
"$1" -m venv build/sbom/user
build/sbom/tool/bin/pip install -q --disable-pip-version-check cyclonedx-bom 'tomli; python_version < "3.11"'
build/sbom/tool/bin/python - <<'END' | xargs -d '\n' build/sbom/user/bin/pip install -q --disable-pip-version-check
import sys
if sys.version_info < (3, 11):
    import tomli as tomllib
else:
    import tomllib
print("\n".join(tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]))
END
mkdir -p dist
build/sbom/tool/bin/cyclonedx-py environment --pyproject pyproject.toml -o dist/pydarknet.cdx.json build/sbom/user
echo dist/pydarknet.cdx.json
