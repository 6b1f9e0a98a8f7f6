# SPDX-License-Identifier: MIT
#
# check_conanfile.py SOURCES VERSION CMAKE OPTION...: does with the recipes of this tree and of an index what Conan does,
# which conan_stand_in.py stands in for, and checks what comes of it.

from __future__ import annotations

import hashlib
import itertools
import json
import re
import shlex
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import conan_stand_in
from conan_stand_in import ConanInvalidConfiguration

sources, version = Path(sys.argv[1]), sys.argv[2]
conan_stand_in.CMake.program, conan_stand_in.CMake.options = sys.argv[3], [shlex.quote(word) for word in sys.argv[4:]]
OPTIONS = ("with_hash", "with_openssl", "with_asio")
TESTED = {"tools.build:skip_test": False}


def resolved(recipe_class: type[Any], folder: Path, work: Path, **arguments: Any) -> Any:
    """A recipe after what Conan calls before it builds."""
    recipe = recipe_class(folder, work, **arguments)
    if hasattr(recipe, "set_version"):
        recipe.set_version()
    else:
        recipe.version = version
    recipe.ref = f"{recipe.name}/{recipe.version}"
    recipe.layout()
    recipe.requirements()
    if hasattr(recipe, "build_requirements"):
        recipe.build_requirements()
    recipe.validate()
    recipe.package_id()
    return recipe


def refusal(recipe_class: type[Any], **arguments: Any) -> str:
    try:
        resolved(recipe_class, sources, Path("/nowhere"), **arguments)
    except ConanInvalidConfiguration as error:
        return str(error)
    return ""


def check_interface(recipe_class: type[Any]) -> None:
    """What users of a package see, wherever the recipe is from."""
    assert recipe_class.name == "skyutil" and recipe_class.license == "MIT"
    assert recipe_class.package_type == "header-library"
    assert set(recipe_class.options) == set(recipe_class.default_options) == set(OPTIONS)
    assert not any(recipe_class.default_options.values())

    pc_files = re.findall(r"skyutil_install_pc\(([\w-]+) \"", (sources / "cmake/skyutil-pkg-config.cmake").read_text())
    readme = (sources / "README.md").read_text()
    for values in itertools.product((False, True), repeat=len(OPTIONS)):
        given = dict(zip(OPTIONS, values))
        recipe = resolved(recipe_class, sources, Path("/nowhere"), **given)
        assert recipe.info.cleared, "one package is to serve all settings and options"
        with_hash = given["with_hash"] or given["with_openssl"]

        wanted = {"cryptopp": with_hash, "openssl": given["with_openssl"], "boost": given["with_asio"]}
        assert set(recipe.required) == {name for name, is_wanted in wanted.items() if is_wanted}, recipe.required
        assert all(traits["transitive_headers"] for traits in recipe.traits.values()), recipe.traits
        assert recipe.required.get("boost", "1.83.0") == "1.83.0", "most of the index pins 1.83"
        assert not recipe.test_required, "only those who build the tests need what these need"

        recipe.package_info()
        assert recipe.cpp_info.properties["cmake_file_name"] == "skyutil"
        assert recipe.cpp_info.properties["cmake_target_name"] == "skyutil::skyutil"
        components = recipe.cpp_info.components
        asked = {"core": True, "hash": with_hash, "hash_openssl": given["with_openssl"], "asio": given["with_asio"]}
        assert list(components) == [name for name, is_wanted in asked.items() if is_wanted], list(components)
        for name, component in components.items():
            assert component.properties["cmake_target_name"] == f"skyutil::{name}"
            assert f"`skyutil::{name}`" in readme
            assert component.properties["pkg_config_name"] == ("skyutil" if name == "core" else "skyutil-" + name)
            assert component.properties["pkg_config_name"] in pc_files
            assert component.libdirs == component.bindirs == []
            for required in component.requires:
                assert required in components or required.split("::")[0] in recipe.required, required
        assert components["core"].system_libs == ["pthread"]
    # On Windows what CMake links, and the other descriptions too.
    libraries = re.findall(r"skyutil_core INTERFACE (bcrypt .*)\)", (sources / "CMakeLists.txt").read_text())[0].split()
    recipe = resolved(recipe_class, sources, Path("/nowhere"), settings={"os": "Windows"})
    recipe.package_info()
    assert recipe.cpp_info.components["core"].system_libs == libraries
    for file, form in (("cmake/skyutil-pkg-config.cmake", " ".join("-l" + name for name in libraries)),
                       ("meson.build", ", ".join(f"'{name}'" for name in libraries)),
                       ("BUILD.bazel", "".join(f'            "-l{name}",\n' for name in libraries))):
        assert form in (sources / file).read_text(), (file, form)
    # Those of all options, the last: the targets that CMakeLists.txt makes.
    in_cmake = re.findall(r"skyutil_add_component\((\w+) skyutil::|skyutil_add_component\((\w+) Threads",
                          (sources / "CMakeLists.txt").read_text())
    assert set(components) == {"".join(names) for names in in_cmake} - {"all"}, (list(components), in_cmake)
    assert components["hash"].requires == ["core", "cryptopp::cryptopp"]
    assert components["hash_openssl"].requires == ["hash", "openssl::crypto"]
    assert components["asio"].requires == ["core", "boost::headers"]

    # What is refused, and that the sentence says what to do.
    assert not refusal(recipe_class)
    assert not refusal(recipe_class, settings={"compiler": "clang", "compiler.version": "16"})
    assert not refusal(recipe_class, settings={"compiler.cppstd": "gnu23"})
    for cppstd in ("17", "gnu17", None):
        assert "-s compiler.cppstd=20" in refusal(recipe_class, settings={"compiler.cppstd": cppstd}), cppstd
    assert not refusal(recipe_class, settings={"os": "Windows", "compiler": "msvc", "compiler.version": "193"})
    assert "msvc 193" in refusal(recipe_class, settings={"os": "Windows", "compiler": "msvc", "compiler.version": "192"})
    assert "Linux and Windows" in refusal(recipe_class, settings={"os": "Macos"})
    assert "gcc 12" in refusal(recipe_class, settings={"compiler.version": "11"})
    assert "clang 16" in refusal(recipe_class, settings={"compiler": "clang", "compiler.version": "15"})
    assert "1.81" in refusal(recipe_class, with_asio=True, boost="1.80.0")
    for option in ("header_only", "without_process"):
        assert not refusal(recipe_class, with_asio=True, boost="1.85.0", boost_options={option: True})
        assert not refusal(recipe_class, with_asio=True, boost="1.86.0", boost_options={option: False})
        assert f'-o "boost/*:{option}=False"' in refusal(recipe_class, with_asio=True, boost="1.86.0",
                                                        boost_options={option: True})
    recipe = resolved(recipe_class, sources, Path("/nowhere"), with_asio=True, boost="1.86.0")
    recipe.package_info()
    assert recipe.cpp_info.components["asio"].requires == ["core", "boost::headers", "boost::process"]


def check_package(recipe: Any) -> None:
    recipe.package()
    packaged = {str(file.relative_to(recipe.package_folder)) for file in Path(recipe.package_folder).rglob("*")
                if file.is_file()}
    headers = {str(file.relative_to(sources)) for file in (sources / "include").rglob("*.hpp")}
    assert packaged == headers | {"licenses/LICENSE"}, packaged ^ headers


def check_in_tree(recipe_class: type[Any], work: Path) -> None:
    recipe = resolved(recipe_class, sources, work)
    assert recipe.version == version, recipe.version
    recipe.export_sources()
    Path(recipe.export_sources_folder).rename(recipe.source_folder)
    recipe.source()
    recipe.generate()
    recipe.build()
    assert not recipe.called, f"nothing is to be built without being asked for: {recipe.called}"
    check_package(recipe)

    # The tests, which are configured and chosen here and neither compiled nor, but for those that need no compiling, run.
    options = set(re.findall(r"^option\((\w+) ", (sources / "CMakeLists.txt").read_text(), re.MULTILINE))
    asked: tuple[dict[str, Any], ...] = ({"with_openssl": True, "with_asio": True}, {})
    for given in asked:
        recipe = resolved(recipe_class, sources, work, conf=TESTED, **given)
        assert set(recipe.test_required) == {"catch2", "nlohmann_json"}, recipe.test_required
        recipe.generate()
        assert set(recipe.cache_variables) <= options, recipe.cache_variables
        for name in ("HASH", "HASH_OPENSSL", "ASIO"):
            assert recipe.cache_variables["SKYUTIL_WITH_" + name] is bool(given), recipe.cache_variables
    recipe.build()
    assert recipe.called[-1] == "ctest", recipe.called

    tests = json.loads(Path(recipe.build_folder, "tests.json").read_text())["tests"]
    programs = {test["name"] for test in tests if "_NOT_BUILT" in test["name"]}
    assert any("skyutil_tests_files" in name for name in programs) and len(programs) > 10, programs
    for test in tests:
        properties = {each["name"]: each["value"] for each in test["properties"]}
        assert "once" not in properties.get("LABELS", []), f"{test['name']} looks at the whole tree"
        if Path(test.get("command", ["not built"])[0]).is_absolute():
            done = subprocess.run(test["command"], cwd=properties["WORKING_DIRECTORY"], check=False)
            assert done.returncode == 0, test["name"]


def check_in_index(work: Path) -> None:
    """The recipe that packaging/recipes writes, with an archive as a release has it."""
    archive = work / "archive.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name in ("CMakeLists.txt", "LICENSE", "cmake", "include", "tests/CMakeLists.txt"):
            tar.add(sources / name, f"skyutil-{version}/{name}")
    subprocess.run([sources / "packaging/recipes", work / "recipes", archive], check=True)
    folder = work / "recipes/conan-center-index/recipes/skyutil/all"
    _, recipe_class = conan_stand_in.load(folder / "conanfile.py")
    check_interface(recipe_class)

    text = (folder / "conanfile.py").read_text()
    for foreign in ("test", "cmake_layout", "export_sources", "set_version", "tree", "CMakeToolchain"):
        assert foreign not in text, f"the recipe of an index has no use for {foreign}"
    methods = [name for name in vars(recipe_class) if not name.startswith("_") and callable(getattr(recipe_class, name))]
    assert methods == ["layout", "requirements", "package_id", "validate", "source", "package", "package_info"], methods

    recipe = resolved(recipe_class, folder, work)
    assert Path(recipe.source_folder).name == "src", "sources are to be in a folder of their own"
    data = (folder / "conandata.yml").read_text()
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    assert digest in data, data
    recipe.conan_data = {"sources": {version: {"url": f"file://{archive}", "sha256": digest}}}
    recipe.source()
    check_package(recipe)


module, in_tree = conan_stand_in.load(sources / "conanfile.py")
assert module.required_conan_version == ">=2.8", module.required_conan_version
check_interface(in_tree)
with tempfile.TemporaryDirectory() as directory:
    check_in_tree(in_tree, Path(directory))
with tempfile.TemporaryDirectory() as directory:
    check_in_index(Path(directory))

# test_package tests what it is told to test.
_, test_class = conan_stand_in.load(sources / "test_package/conanfile.py")
tested = test_class(sources / "test_package", Path("/nowhere"))
tested.tested_reference_str = "skyutil/" + version
tested.requirements()
assert tested.required == {"skyutil": version}
tested.dependencies["skyutil"].options = conan_stand_in.Options(with_hash=False, with_openssl=True, with_asio=False)
tested.layout()
tested.generate()
assert tested.cache_variables == {"WITH_HASH": False, "WITH_OPENSSL": True, "WITH_ASIO": False}, tested.cache_variables
conditions = re.findall(r"^if\((WITH_\w+)\)", (sources / "test_package/CMakeLists.txt").read_text(), re.MULTILINE)
assert conditions == list(tested.cache_variables), conditions
