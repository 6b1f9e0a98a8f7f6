# SPDX-License-Identifier: MIT
#
# check_recipes.py SOURCES VERSION: what packaging/recipes writes for the registries.

import hashlib
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sources, version = Path(sys.argv[1]), sys.argv[2]

with tempfile.TemporaryDirectory() as directory:
    archive = Path(directory, "release.tar.gz")
    archive.write_bytes(b"what was released")
    subprocess.run([sources / "packaging/recipes", directory, archive], check=True)
    archive.unlink()
    texts = {str(file.relative_to(directory)): file.read_text()
             for file in Path(directory).rglob("*") if file.is_file()}

conan, vcpkg = "conan-center-index/recipes/skyutil/", "vcpkg/ports/skyutil/"
copies = {
    conan + "all/test_package/conanfile.py": "test_package/conanfile.py",
    conan + "all/test_package/CMakeLists.txt": "test_package/CMakeLists.txt",
    conan + "all/test_package/test_package.cpp": "test_package/test_package.cpp",
    vcpkg + "vcpkg.json": "packaging/vcpkg/ports/skyutil/vcpkg.json",
    vcpkg + "usage": "packaging/vcpkg/ports/skyutil/usage",
}
assert set(texts) == {*copies, conan + "all/conanfile.py", conan + "config.yml", conan + "all/conandata.yml", vcpkg + "portfile.cmake"}, texts.keys()
for name, original in copies.items():
    assert texts[name] == (sources / original).read_text(), name

# What comes of the beginning of conanfile.py, check_conanfile.py looks at.
in_tree = (sources / "conanfile.py").read_text()
assert in_tree.startswith(texts[conan + "all/conanfile.py"] + "\n\n# In skyutil's own tree"), texts[conan + "all/conanfile.py"]

assert texts[conan + "config.yml"] == f'versions:\n  "{version}":\n    folder: all\n'
data = texts[conan + "all/conandata.yml"]
assert f'"{version}":' in data and f"/v{version}.tar.gz" in data, data
assert hashlib.sha256(b"what was released").hexdigest() in data, data

portfile = texts[vcpkg + "portfile.cmake"]
sha512 = hashlib.sha512(b"what was released").hexdigest()
wanted = f"""
vcpkg_from_github(
    OUT_SOURCE_PATH SOURCE_PATH
    REPO skyutil/skyutil
    REF "v${{VERSION}}"
    SHA512 {sha512}
    HEAD_REF main
)

vcpkg_check_features("""
assert wanted in portfile, portfile
assert "EXISTS" not in portfile and "endif" not in portfile and "own tree" not in portfile, portfile
in_tree = (sources / "packaging/vcpkg/ports/skyutil/portfile.cmake").read_text()
assert portfile.endswith(in_tree[in_tree.index("vcpkg_check_features("):]), portfile

# The systems that README.md says are tested are those that the packages are for.
readme = (sources / "README.md").read_text().split("## Systems and compilers")[1].split("\n## ")[0]
tested = {system for row in readme.splitlines() if "tested in CI" in row
          for system in ("Linux", "macOS", "Windows") if system in row.split("|")[1]}
supports = json.loads(texts[vcpkg + "vcpkg.json"])["supports"]
assert {system.strip() for system in supports.split("|")} == {{"macOS": "osx"}.get(each, each.lower()) for each in tested}
